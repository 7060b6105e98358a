"""Fine-tune the student with LoRA on this cycle's study items. Reads nothing of the test.

Where the run asks for it, the training is scored on development questions and the best step's adapter is kept.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from runner.pipeline.early_stopping import dev_questions, evaluated_steps, train_to_best_step
from runner.pipeline.stage_context import StageContext
from runner.pipeline.stages.compare import taught_so_far
from runner.pipeline.stages.training_setup import (
    prepared_items, prepared_steps, step_reporter, training_config, training_examples,
)
from runner.pipeline.training_speed import keep_training_speed
from store.events import AdapterMissing, AdapterTrained, Event, StepChosen
from store.run_config import RunConfig

SNAPSHOT_SHARES = (0.25, 0.5)
"""Shares of a cycle's steps after which an adapter is saved for the learning curve; 0 and 1 are scored anyway."""


def fine_tune(context: StageContext) -> Sequence[Event]:
    """Train this cycle's adapter, starting from the last one if the run is configured to `continue`."""
    config = context.config
    if not config.fine_tune:
        return [AdapterMissing("fine-tuning was switched off for this run", failed=False)]
    start = _last_adapter(context) if config.adapter == "continue" else None
    folder, steps = context.folder / "adapter", prepared_steps(context)
    kept = evaluated_steps(steps) if config.chooses_step else snapshot_steps(config, steps)
    train = partial(context.resources.student.fine_tune, training_examples(context, prepared_items(context)),
                    training_config(context, steps, kept), context.run_folder / start if start else None, folder,
                    step_reporter(context))
    chosen: StepChosen | None = None
    if config.chooses_step:
        asked = taught_so_far(context.inputs.get("study"), dev_questions(context))
        training, chosen = train_to_best_step(context, steps, asked, folder, lambda step: train(until=step))
    else:
        training = train()
    keep_training_speed(context, training)
    adapter = Path(training.adapter)
    return [AdapterTrained(
        adapter=str(adapter.relative_to(context.run_folder)), sha256=training.adapter_sha256, continued_from=start,
        steps=training.steps, seconds=training.seconds, tokens=training.tokens, first_loss=training.first_loss,
        last_loss=training.last_loss, trainable_parameters=training.trainable_parameters,
        matched_modules=training.matched_modules, unmatched_targets=training.unmatched_targets,
        cut=training.cut, left_out=training.left_out, chosen=chosen)]


def adapter_fallback(context: StageContext, reason: str) -> Sequence[Event]:
    """No adapter, with the reason, if training failed; the run continues without it."""
    return [AdapterMissing(reason, failed=True)]


def snapshot_steps(config: RunConfig, steps: int) -> tuple[int, ...]:
    """Return the steps of `steps` after which an adapter snapshot is saved, if the learning curve is enabled."""
    wanted = {math.ceil(steps * share) for share in SNAPSHOT_SHARES} if config.learning_curve else set()
    return tuple(sorted(wanted - {steps}))


def _last_adapter(context: StageContext) -> str | None:
    """Return the adapter of the latest earlier cycle that has one, relative to the run's folder."""
    cycles = {int(name.partition("@")[2]): artifact for name, artifact in context.inputs.items()
              if name.startswith("fine-tune@")}
    trained = [found for cycle in sorted(cycles) if (found := cycles[cycle].first(AdapterTrained))]
    return trained[-1].adapter if trained else None
