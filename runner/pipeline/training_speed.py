"""The training speed of this machine: what the last training reached, kept in a file; measured if there is none.

It converts a budget of minutes into a number of steps, once, before training.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from runner.pipeline.stage_context import StageContext
from runner.pipeline.stages.training_setup import training_config, training_pairs
from runner.protocols import StudentInfo, TrainingResult
from store.files import write_atomic

FILE_NAME = "training-speed.json"
PROBE_STEPS = 4
MIN_STEPS = 10
"""A shorter training is not kept: its start-up would count as work."""


def training_speed(context: StageContext) -> float:
    """Return the tokens per second of training this run's student here."""
    known = _read(_file(context)).get(_key(context.resources.student.info))
    return known if known else _measured(context)


def keep_training_speed(context: StageContext, training: TrainingResult) -> None:
    """Keep the speed of a training for later plans; a short one is ignored."""
    if training.steps < MIN_STEPS or training.seconds <= 0:
        return
    path = _file(context)
    path.parent.mkdir(parents=True, exist_ok=True)
    kept = _read(path) | {_key(context.resources.student.info): training.tokens / training.seconds}
    write_atomic(path, json.dumps(kept, indent=1).encode())


def _measured(context: StageContext) -> float:
    """Train a few steps on this cycle's questions, and drop the adapter."""
    config = training_config(context, steps=PROBE_STEPS)
    folder = context.folder / "speed-probe"
    try:
        training = context.resources.student.fine_tune([pair.example for pair in training_pairs(context)], config, None,
                                                       folder, lambda _step: None)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return training.tokens / max(training.seconds, 1e-6)


def _file(context: StageContext) -> Path:
    return context.run_folder.parent.parent / "models" / FILE_NAME


def _key(info: StudentInfo) -> str:
    return f"{info.weights or info.name} {info.precision} {info.device} {info.threads}"


def _read(path: Path) -> dict[str, float]:
    """Return what the file holds; nothing if it is missing or damaged, since it can be measured again."""
    try:
        return {str(key): float(value) for key, value in json.loads(path.read_text(encoding="utf-8")).items()}
    except (OSError, ValueError, AttributeError, TypeError):
        return {}
