"""The lab's exam: what a student knows of taught facts, of facts it was never taught, and in general."""

from __future__ import annotations

import random
import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from knowledge.distractors import make_distractors
from knowledge.general_questions import general_questions
from knowledge.perturbations import perturb
from knowledge.questions import HELD_OUT, PARAPHRASE, Question, question_id
from knowledge.split import held_out_passages
from knowledge.study.passage_parts import opening, without_words, words
from runner.judge.choice_accuracy import choice_accuracy
from runner.judge.fact_recall import fact_recall
from runner.judge.ragas_metrics import RagasJudge
from runner.protocols import GenerationConfig, Student
from tests.bench.recipes.facts import Fact, domain, siblings
from tests.bench.recipes.reading_exam import reading_scores

SEED = 1
"""Of distractors and alterations: the same in every row."""
OTHERS = 3
"""Other questions of the topic that binding compares with."""
OPENING_WORDS, OPENINGS = 10, 5
"""Words of an opening, and other openings of the topic that it is chosen among."""
DECODING = GenerationConfig(max_new_tokens=112, temperature=0.0, top_p=1.0, top_k=0, repetition_penalty=1.0,
                            max_seconds=600)
Scores = dict[str, dict[str, float]]
"""Metric -> question's key -> score; a missing score has no entry."""


def examine(student: Student, adapter: Path | None, facts: tuple[Fact, ...], controls: tuple[Fact, ...],
            judge: RagasJudge) -> tuple[Scores, dict[str, str]]:
    """All scores of a student, and its answers to the locked wordings."""
    scores = _likelihoods(student, adapter, facts)
    scores |= _openings(student, adapter, facts)
    scores |= _reverse(student, adapter, facts)
    scores |= _general(student, adapter)
    scores |= _held_out(student, adapter, controls)
    answers = _answers(student, adapter, [(fact, fact.locked) for fact in facts])
    trained = _answers(student, adapter, [(fact, fact.passage.questions[0]) for fact in facts])
    stranger = _answers(student, adapter, [(fact, fact.locked) for fact in controls])
    scores["recall"] = _recalls(facts, answers)
    scores["recall_trained"] = _recalls(facts, trained)
    scores["recall_held_out"] = _recalls(controls, stranger)
    scores["similarity"] = _similarities(judge, facts, answers)
    scores["similarity_held_out"] = _similarities(judge, controls, stranger)
    scores |= reading_scores(student, adapter, controls, DECODING)
    return scores, answers


def recall_by_wording(student: Student, adapter: Path | None, facts: tuple[Fact, ...],
                      locked: bool) -> dict[str, float]:
    """Passage id -> key-term recall of greedy answers, to the locked wording or to the first trained one."""
    asked = [(fact, fact.locked if locked else fact.passage.questions[0]) for fact in facts]
    return _recalls(facts, _answers(student, adapter, asked))


def _likelihoods(student: Student, adapter: Path | None, facts: tuple[Fact, ...]) -> Scores:
    """Choice among the fact, two other taught ones and an altered copy; and binding."""
    plan: list[tuple[str, list[tuple[str, str]]]] = []
    for fact in facts:
        near = siblings(fact, facts)
        rng = random.Random(f"{SEED} {fact.passage.id}")
        foreign, asked = rng.sample(near, 2), rng.sample(near, OTHERS)
        pairs = [(fact.locked, fact.reference), *((fact.locked, other.reference) for other in foreign),
                 (fact.locked, perturb(fact.reference, SEED)[0]), *((other.locked, fact.reference) for other in asked)]
        plan.append((fact.passage.id, pairs))
    found = _nlls(student, adapter, plan)
    return {"choice": {id: choice_accuracy(nll[0], nll[1:4]) for id, nll in found.items()},
            "choice_without_altered": {id: choice_accuracy(nll[0], nll[1:3]) for id, nll in found.items()},
            "binding": {id: statistics.fmean(nll[4:]) - nll[0] for id, nll in found.items()},
            "nll": {id: nll[0] for id, nll in found.items()}}


def _openings(student: Student, adapter: Path | None, facts: tuple[Fact, ...]) -> Scores:
    """Whether the fact's first words are likelier than those of its neighbours, asked by the locked wording and by
    the last trained one: choosing alone, whatever is known of the text behind them."""
    scores: Scores = {}
    for name, wording in (("opening", lambda fact: fact.locked),
                          ("opening_trained", lambda fact: fact.passage.questions[-1])):
        plan = []
        for fact in facts:
            near = siblings(fact, facts)
            others = random.Random(f"{SEED} opening {fact.passage.id}").sample(near, min(OPENINGS, len(near)))
            plan.append((fact.passage.id, [(wording(fact), opening(one.reference, OPENING_WORDS))
                                           for one in (fact, *others)]))
        found = _nlls(student, adapter, plan)
        scores[name] = {id: choice_accuracy(nll[0], nll[1:]) for id, nll in found.items()}
    return scores


def _reverse(student: Student, adapter: Path | None, facts: tuple[Fact, ...]) -> Scores:
    """From a sentence, its title's words left out, to the title: among those of three other facts of the topic."""
    plan = []
    for fact in facts:
        others = random.Random(f"{SEED} title {fact.passage.id}").sample(siblings(fact, facts), 3)
        told = without_words(fact.reference, words(fact.passage.title))
        question = f"{told}\n\nWhich heading belongs over these lines?"
        plan.append((fact.passage.id, [(question, one.passage.title) for one in (fact, *others)]))
    found = _nlls(student, adapter, plan)
    return {"reverse": {id: choice_accuracy(nll[0], nll[1:]) for id, nll in found.items()}}


def _held_out(student: Student, adapter: Path | None, controls: tuple[Fact, ...]) -> Scores:
    """Choice among passages that are never taught either: one that was read in training would be likelier."""
    untaught = frozenset(passage.id for passage in held_out_passages(domain()))
    plan = []
    for fact in controls:
        false = make_distractors(fact.locked, fact.reference, fact.passage, domain(), SEED, untaught)
        plan.append((fact.passage.id, [(fact.locked, text) for text in (fact.reference, *(one.text for one in false))]))
    found = _nlls(student, adapter, plan)
    return {"held_out_choice": {id: choice_accuracy(nll[0], nll[1:]) for id, nll in found.items()}}


def _general(student: Student, adapter: Path | None) -> Scores:
    asked = general_questions(36)
    found = _nlls(student, adapter, [(one.id, [(one.text, text) for text in (one.reference, *one.false)])
                                     for one in asked])
    return {"general": {id: choice_accuracy(nll[0], nll[1:]) for id, nll in found.items()},
            "general_nll": {id: nll[0] for id, nll in found.items()}}


def _nlls(student: Student, adapter: Path | None,
          plan: Sequence[tuple[str, list[tuple[str, str]]]]) -> dict[str, list[float]]:
    scored = iter(student.likelihoods([pair for _, pairs in plan for pair in pairs], adapter))
    return {id: [next(scored).nll for _ in pairs] for id, pairs in plan}


def _answers(student: Student, adapter: Path | None, asked: Sequence[tuple[Fact, str]]) -> dict[str, str]:
    questions = [Question(question_id(text), text, fact.passage.topic, PARAPHRASE if fact else HELD_OUT,
                          fact.passage.id, "", fact.passage.title) for fact, text in asked]
    passage = {question.id: question.passage_id for question in questions}
    return {passage[answer.question_id]: answer.text or ""
            for batch in student.answer(questions, DECODING, SEED, adapter) for answer in batch}


def _recalls(facts: Sequence[Fact], answers: dict[str, str]) -> dict[str, float]:
    found = {fact.passage.id: fact_recall(answers[fact.passage.id], fact.passage.key_terms, fact.reference)
             for fact in facts}
    return {id: value for id, value in found.items() if value is not None}


def _similarities(judge: Any, facts: Sequence[Fact], answers: dict[str, str]) -> dict[str, float]:
    values = judge.similarities([(answers[fact.passage.id], fact.reference) for fact in facts])
    return {fact.passage.id: float(value or 0.0) for fact, value in zip(facts, values, strict=True)}
