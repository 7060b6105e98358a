"""Fine-tune the student with LoRA on (training question, reference) pairs. Reads nothing that is held out."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from knowledge.questions import PRACTICE
from runner.pipeline.stage_context import StageContext
from runner.protocols import TrainingConfig, TrainingExample, TrainingStep
from store.events import AdapterMissing, AdapterTrained, Event, QuestionsAsked, ReferencesWritten
from store.run_config import RunConfig


SNAPSHOT_SHARES = (0.25, 0.5)
"""Shares of a cycle's steps after which an adapter is saved for the learning curve; 0 and 1 are scored anyway."""


@dataclass(frozen=True)
class TrainingPair:
    """One training example with its question and source passage."""

    question_id: str
    passage_id: str
    example: TrainingExample


def fine_tune(context: StageContext) -> Sequence[Event]:
    """Train this cycle's adapter, starting from the last one if the run is configured to `continue`."""
    config = context.config
    if not config.fine_tune:
        return [AdapterMissing("fine-tuning was switched off for this run", failed=False)]
    start = _last_adapter(context) if config.adapter == "continue" else None
    folder = context.folder / "adapter"
    training = context.resources.student.fine_tune(
        [pair.example for pair in training_pairs(context)], training_config(context, snapshot_steps(config)),
        context.run_folder / start if start else None, folder, step_reporter(context))
    return [AdapterTrained(
        adapter=str(folder.relative_to(context.run_folder)), sha256=training.adapter_sha256, continued_from=start,
        steps=training.steps, seconds=training.seconds, tokens=training.tokens, first_loss=training.first_loss,
        last_loss=training.last_loss, trainable_parameters=training.trainable_parameters,
        matched_modules=training.matched_modules, unmatched_targets=training.unmatched_targets)]


def adapter_fallback(context: StageContext, reason: str) -> Sequence[Event]:
    """No adapter, with the reason, if training failed; the run continues without it."""
    return [AdapterMissing(reason, failed=True)]


def training_pairs(context: StageContext) -> list[TrainingPair]:
    """Return this cycle's training questions that have a reference; no other tier."""
    asked = context.inputs["questions"].only(QuestionsAsked)
    written = {r.question_id: r.text for r in context.inputs["references"].only(ReferencesWritten).references}
    return [TrainingPair(q.question_id, q.passage_id, TrainingExample(q.text, text)) for q in asked.questions
            if q.tier == PRACTICE and (text := written.get(q.question_id))]


def snapshot_steps(config: RunConfig) -> tuple[int, ...]:
    """Return the steps after which an adapter snapshot is saved, if the learning curve is enabled."""
    wanted = {math.ceil(config.steps * share) for share in SNAPSHOT_SHARES} if config.learning_curve else set()
    return tuple(sorted(wanted - {config.steps}))


def _last_adapter(context: StageContext) -> str | None:
    """Return the adapter of the latest earlier cycle that has one, relative to the run's folder."""
    cycles = {int(name.partition("@")[2]): artifact for name, artifact in context.inputs.items()
              if name.startswith("fine-tune@")}
    trained = [found for cycle in sorted(cycles) if (found := cycles[cycle].first(AdapterTrained))]
    return trained[-1].adapter if trained else None


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


def training_config(context: StageContext, keep: tuple[int, ...] = ()) -> TrainingConfig:
    """Return the training configuration of this cycle; `keep` are the steps at which to save an adapter snapshot."""
    config = context.config
    return TrainingConfig(
        steps=config.steps, learning_rate=config.learning_rate, batch_size=config.batch_size,
        gradient_accumulation=config.gradient_accumulation, gradient_checkpointing=config.gradient_checkpointing,
        lora_rank=config.lora_rank, lora_alpha=config.lora_alpha, lora_dropout=config.lora_dropout,
        target_modules=config.target_modules, max_sequence_tokens=config.max_sequence_tokens,
        seed=config.seed + context.cycle, keep_at=keep)
