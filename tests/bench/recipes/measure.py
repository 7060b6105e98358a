"""Train by one recipe with one seed, and examine the student."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path

from knowledge.questions import GENERAL, Question, question_id
from knowledge.replay_questions import replay_questions
from runner.judge.ragas_metrics import RagasJudge
from runner.pipeline.training_plan import weight_of
from runner.protocols import GenerationConfig, Student, TrainingExample, TrainingStep
from runner.student.local_student import LocalStudent
from tests.bench.recipes.exam import examine, recall_by_wording
from tests.bench.recipes.facts import RESERVED, Fact
from tests.bench.recipes.recipe import Recipe, contexts_of, examples_of, training_config
from tests.bench.recipes.results_table import Result
from tests.bench.recipes.soft_targets import soft_targets, training_towards

_REPLAY = GenerationConfig(max_new_tokens=40, temperature=0.0, top_p=1.0, top_k=0, repetition_penalty=1.1,
                           max_seconds=600)


def measure(student: LocalStudent, judge: RagasJudge, name: str, recipe: Recipe, seed: int, facts: tuple[Fact, ...],
            controls: tuple[Fact, ...], general: tuple[TrainingExample, ...], folder: Path,
            wordings: str = RESERVED) -> Result:
    """Train and examine; a training that was interrupted goes on from its checkpoint in `folder`.

    Args:
        controls: facts that are never taught.
        general: the untrained student's answers to everyday questions, for recipes that replay them.
        folder: for the adapters.
        wordings: how the facts were made, see `facts.WORDINGS`; it is kept with the result.
    """
    tokens, seconds, refused = 0, 0.0, 0
    adapter: Path | None = None
    weights: dict[str, float] = {}
    first: dict[str, float] = {}
    for cycle in range(1, recipe.cycles + 1 if recipe.shares else 1):
        start = 0 if recipe.union else len(facts) * (cycle - 1) // recipe.cycles
        known = facts[start: len(facts) * cycle // recipe.cycles]
        examples, refused = examples_of(recipe, known, general, seed + cycle - 1, weights)
        config = training_config(recipe, len(examples), seed)
        with _targets_of(student, recipe, known, examples):
            trained = student.fine_tune(examples, config, adapter, folder / f"cycle-{cycle}", _reporter(name, seed))
        adapter = folder / f"cycle-{cycle}"
        tokens, seconds = tokens + trained.tokens, seconds + trained.seconds
        if cycle == 1 < recipe.cycles:
            first = recall_by_wording(student, adapter, known, locked=True)
        if recipe.weighted and cycle < recipe.cycles:  # by practice wordings, never by those of the exam
            weights = {id: weight_of(recall) for id, recall in
                       recall_by_wording(student, adapter, known, locked=False).items()}
    scores, _ = examine(student, adapter, facts, controls, judge)
    if first:
        scores["first_recall"] = first
    return Result(name, seed, len(facts), tokens, round(seconds, 1), refused, round(os.getloadavg()[0], 1), scores,
                  wordings)


def replay_examples(student: Student) -> tuple[TrainingExample, ...]:
    """The untrained student's own greedy answers; one that the token limit cut has no end token."""
    questions = [Question(question_id(text), text, "", GENERAL, "", "", "") for text in replay_questions()]
    asked = {question.id: question.text for question in questions}
    answers = {answer.question_id: answer for batch in student.answer(questions, _REPLAY, 1, None) for answer in batch}
    return tuple(TrainingExample(text, answer.text, complete=not answer.cut_off)
                 for id, text in asked.items() if (answer := answers[id]).text)


def _targets_of(student: LocalStudent, recipe: Recipe, facts: tuple[Fact, ...],
                examples: Sequence[TrainingExample]) -> AbstractContextManager[None]:
    if not recipe.soft:
        return contextlib.nullcontext()
    found = soft_targets(student, examples, contexts_of(facts))
    return training_towards(found, recipe.soft)


def _reporter(name: str, seed: int) -> Callable[[TrainingStep], None]:
    def report(step: TrainingStep) -> None:
        if step.step % 20 == 0 or step.step == step.of_steps:
            rate = step.tokens / max(step.seconds, 1e-9)
            print(f"{name}, seed {seed}: step {step.step} of {step.of_steps}, loss {step.loss:.2f}, "
                  f"{step.tokens:,} tokens, {rate:.0f} a second", flush=True)
    return report
