"""What training stages share: their examples and configuration, and the log of their steps. Reads nothing held out."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from knowledge.questions import PRACTICE
from knowledge.study import StudyItem, draw_presentations, shares_of
from runner.pipeline import study_set
from runner.pipeline.stage_context import StageContext
from runner.protocols import TrainingConfig, TrainingExample, TrainingStep
from store.events import QuestionsAsked, ReferencesWritten, ReplayAnswered, StudySetPrepared
from store.run_config import RunConfig


@dataclass(frozen=True)
class TrainingPair:
    """One training example with its question and source passage."""

    question_id: str
    passage_id: str
    example: TrainingExample


def training_pairs(context: StageContext) -> list[TrainingPair]:
    """Return this cycle's training questions that have a reference; no other tier."""
    asked = context.inputs["questions"].only(QuestionsAsked)
    written = {r.question_id: r.text for r in context.inputs["references"].only(ReferencesWritten).references}
    return [TrainingPair(q.question_id, q.passage_id, TrainingExample(q.text, text)) for q in asked.questions
            if q.tier == PRACTICE and (text := written.get(q.question_id))]


def plain_items(pairs: Sequence[TrainingPair]) -> list[StudyItem]:
    """Return training questions with their references as study items."""
    return [StudyItem(pair.passage_id, "question", "as asked", pair.example.question, pair.example.answer)
            for pair in pairs]


def prepared_items(context: StageContext) -> list[StudyItem]:
    """Return the study items of this cycle, or its training questions with their references in a run without a study
    stage."""
    if "study" not in context.inputs:
        return plain_items(training_pairs(context))
    return study_set.read_items(context.run_folder / context.inputs["study"].only(StudySetPrepared).file)


def prepared_steps(context: StageContext) -> int:
    """Return the number of optimizer steps that the study stage decided on, or that the configuration names."""
    artifact = context.inputs.get("study")
    return artifact.only(StudySetPrepared).steps if artifact else context.config.steps


def training_examples(context: StageContext, items: Sequence[StudyItem]) -> list[TrainingExample]:
    """Return the examples of this cycle's training.

    With study items these are its presentations, one by one, with the replayed ones among them; else each training
    question once, which the trainer repeats.
    """
    if context.config.study == "off":
        return [as_example(item) for item in items]
    prepared, seed = context.inputs["study"].only(StudySetPrepared), context.config.seed_of_training + context.cycle
    presented = presented_items(context, items, prepared.examples - prepared.replayed,
                                {fact.passage_id: fact.weight for fact in prepared.facts})
    examples = [*map(as_example, presented), *_replayed(context, prepared.replayed, seed)]
    random.Random(f"order {seed}").shuffle(examples)
    return examples


def presented_items(context: StageContext, items: Sequence[StudyItem], count: int,
                    weights: Mapping[str, float]) -> list[StudyItem]:
    """Return the presentations of this cycle's training, without the replayed ones; the same for the same arguments.

    Args:
        weights: passage id -> presentations relative to a fact taught for the first time.
    """
    return draw_presentations(items, form_shares(context.config), count,
                              context.config.seed_of_training + context.cycle, weights)


def form_shares(config: RunConfig) -> dict[str, float]:
    """Return form of study items -> share of the presentations."""
    if config.study == "off":
        return {"question": 1.0}
    return shares_of(config.study, config.document_share, config.reading_share, config.study_forms)


def as_example(item: StudyItem) -> TrainingExample:
    """Return a study item as the trainer takes it."""
    return TrainingExample(item.prompt, item.answer, item.complete)


def _replayed(context: StageContext, count: int, seed: int) -> list[TrainingExample]:
    """Return so many everyday questions with the untrained student's answers, each once before any again."""
    if not count:
        return []
    answers = [TrainingExample(answer.question, answer.answer)
               for answer in context.inputs["replay"].only(ReplayAnswered).answers]
    random.Random(f"replay {seed}").shuffle(answers)
    return [answers[turn % len(answers)] for turn in range(count)]


def step_reporter(context: StageContext, prefix: str = "") -> Callable[[TrainingStep], None]:
    """Return a callback that logs each step as metrics; `prefix` tells apart the trainings of one cycle."""
    def report(step: TrainingStep) -> None:
        context.metric(f"{prefix}loss", step.step, step.loss, "nats per token")
        context.metric(f"{prefix}learning_rate", step.step, step.learning_rate)
        detail = f"loss {step.loss:.3f}"
        if step.seconds > 0:
            rate = step.tokens / step.seconds
            context.metric(f"{prefix}training_tokens_per_second", step.step, rate, "tokens/s")
            detail += f", {rate:.0f} tokens/s"
        context.progress(step.step, step.of_steps, "steps", detail)
    return report


def training_config(context: StageContext, steps: int, keep: tuple[int, ...] = ()) -> TrainingConfig:
    """Return the training configuration of this cycle; `keep` are the steps at which to save an adapter snapshot."""
    config = context.config
    return TrainingConfig(
        steps=steps, learning_rate=config.learning_rate, batch_size=config.batch_size,
        gradient_accumulation=config.gradient_accumulation, gradient_checkpointing=config.gradient_checkpointing,
        lora_rank=config.lora_rank, lora_alpha=config.lora_alpha, lora_dropout=config.lora_dropout,
        target_modules=config.target_modules, max_sequence_tokens=config.max_sequence_tokens,
        seed=config.seed_of_training + context.cycle, keep_at=keep)
