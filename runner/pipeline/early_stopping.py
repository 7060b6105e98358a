"""Choose the step of a training by its scores on the development questions, and stop early when they do not improve.

Training is scored after every eighth of its steps. What was scored is saved at once, so that a killed training goes on
to the same choice.
"""

from __future__ import annotations

import dataclasses
import math
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from runner.pipeline.stage_checkpoints import ADAPTER_FILES
from runner.pipeline.stage_context import StageContext
from runner.pipeline.stages.score_likelihoods import LikelihoodScorer, likelihood_scores
from runner.protocols import TrainingResult, adapter_snapshot_path
from store.dev_split import best_evaluation, evaluations_without_gain, step_metric
from store.events import DevQuestionsSetApart, EvaluationRecord, QuestionRecord, StepChosen
from store.files import sha256_of_file
from store.metrics import METRICS

EVALUATIONS = 8
"""Evaluations of one training, evenly over its steps."""
WEIGHTS = ADAPTER_FILES[1]


def evaluated_steps(steps: int) -> tuple[int, ...]:
    """Return the steps after which a training of so many steps is scored; the last one is among them."""
    return tuple(sorted({math.ceil(steps * part / EVALUATIONS) for part in range(1, EVALUATIONS + 1)}))


def train_to_best_step(context: StageContext, steps: int, asked: Sequence[QuestionRecord], folder: Path,
                       train: Callable[[int], TrainingResult]) -> tuple[TrainingResult, StepChosen]:
    """Train and score step by step, and return the training as far as it went, with the step whose adapter is kept.

    Args:
        context: of the training stage.
        steps: the steps of the whole training.
        asked: development questions on what has been taught so far.
        folder: holds the snapshots; all but the chosen one are deleted.
        train: train to a step, or go on to it.
    """
    patience, parts = context.config.early_stopping_patience, context.partial_results()
    found = [_evaluation(item) for item in parts.items]
    training = _training(parts.items[-1]) if parts.items else None
    stopped = _exhausted(context, found)
    for step in evaluated_steps(steps)[len(found):]:
        if stopped:
            break
        if patience or training is None or training.steps < step:
            training = train(step if patience else steps)
        found.append(_scored(context, step, asked, adapter_snapshot_path(folder, step)))
        parts.add([dataclasses.asdict(found[-1]) | {"training": dataclasses.asdict(training)}])
        stopped = _exhausted(context, found)
    assert training is not None, "a training has at least one step"
    metric = step_metric(context.config.headline)
    chosen = StepChosen(best_evaluation(found, metric).step, steps, metric, training.steps < steps, tuple(found))
    kept = adapter_snapshot_path(folder, chosen.step)
    _delete_others(folder, kept)
    return dataclasses.replace(training, adapter=str(kept), adapter_sha256=sha256_of_file(kept / WEIGHTS)), chosen


def _exhausted(context: StageContext, found: Sequence[EvaluationRecord]) -> bool:
    patience = context.config.early_stopping_patience
    return 0 < patience <= evaluations_without_gain(found, step_metric(context.config.headline))


def _scored(context: StageContext, step: int, asked: Sequence[QuestionRecord], adapter: Path) -> EvaluationRecord:
    """Score one snapshot on the development questions, and log its means."""
    scores = likelihood_scores(context, f"step {step}", asked, LikelihoodScorer(adapter), all_readings=False).scores
    means: dict[str, tuple[float | None, int]] = {}
    metric = step_metric(context.config.headline)
    for name in dict.fromkeys(("reference_nll", metric)):
        values = [score.value for score in scores if score.metric == name and score.value is not None]
        means[name] = (sum(values) / len(values) if values else None, len(values))
        context.metric(f"dev_{name}", step, means[name][0], METRICS[name].unit)
    return EvaluationRecord(step, means[metric][0], means["reference_nll"][0], means[metric][1])


def dev_questions(context: StageContext) -> Sequence[QuestionRecord]:
    """Return the development questions that were set apart."""
    return context.inputs["dev-questions"].only(DevQuestionsSetApart).questions


def _evaluation(item: dict[str, Any]) -> EvaluationRecord:
    return EvaluationRecord(**{key: value for key, value in item.items() if key != "training"})


def _training(item: dict[str, Any]) -> TrainingResult:
    values: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value
                              for key, value in item["training"].items()}
    return TrainingResult(**values)


def _delete_others(folder: Path, kept: Path) -> None:
    """Delete what the training left beside the chosen snapshot: other snapshots and its checkpoints."""
    for path in folder.iterdir():
        if path != kept:
            shutil.rmtree(path) if path.is_dir() else path.unlink()
