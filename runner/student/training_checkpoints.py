"""Trainer checkpoints that a killed training can resume from, and the record of a finished training.

A checkpoint is complete only with its manifest (`seal.json`), written last: the hashes of its files and the fingerprint
of the training. A checkpoint interrupted by a kill has none and is discarded.
"""

from __future__ import annotations

import dataclasses
import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runner.protocols import TrainingConfig, TrainingExample, TrainingResult
from runner.student.checkpoint_files import FOLDER, RECORD, SEAL
from runner.student.lora.adapter_files import weights_sha256
from store.files import sha256_of, sha256_of_file, write_atomic

_TRAINER_STATE = "trainer_state.json"
"""As transformers names it."""


@dataclass(frozen=True)
class ResumePoint:
    """A complete checkpoint to resume from, with the tokens and seconds spent up to it."""

    folder: Path
    step: int
    tokens: int
    seconds: float


def fingerprint(examples: Sequence[TrainingExample], recipe: TrainingConfig, start: Path | None, student: str) -> str:
    """Identify one training, so that only its own checkpoints are resumed.

    Settings that only affect memory are excluded (precision of the frozen base, micro-batch size, gradient
    checkpointing, sequence length limit), so a training can resume with the next plan of the memory ladder.
    """
    hashed_recipe = dataclasses.asdict(recipe) | {"examples_a_step": recipe.batch_size * recipe.gradient_accumulation}
    for name in ("batch_size", "gradient_accumulation", "gradient_checkpointing", "max_sequence_tokens"):
        del hashed_recipe[name]
    if not recipe.in_order:  # a later field: trainings begun before it can be resumed
        del hashed_recipe["in_order"]
    hashed = {"examples": [_hashed_example(example) for example in examples], "recipe": hashed_recipe,
              "start": weights_sha256(start) if start else None, "student": student}
    return sha256_of(json.dumps(hashed, sort_keys=True).encode())


def _hashed_example(example: TrainingExample) -> tuple[object, ...]:
    """An example's fields; the later ones only if set, so that trainings begun before them can be resumed."""
    pair = (example.question, example.answer)
    return pair if example.complete else (*pair, example.complete)


def mark_complete(folder: Path, fingerprint: str, step: int, tokens: int, seconds: float) -> None:
    """Write a checkpoint's manifest, which marks it complete."""
    files = {path.name: sha256_of_file(path) for path in sorted(folder.iterdir())
             if path.is_file() and path.name != SEAL}
    _write(folder / SEAL, {"fingerprint": fingerprint, "step": step, "tokens": tokens, "seconds": seconds,
                           "files": files})


def logged_losses(folder: Path) -> list[float]:
    """Return the loss of each step up to a complete checkpoint, as the trainer logged it."""
    state = json.loads((folder / _TRAINER_STATE).read_text(encoding="utf-8"))
    return [float(entry["loss"]) for entry in state["log_history"] if "loss" in entry]


def resume_point(to: Path, fingerprint: str) -> ResumePoint | None:
    """The latest complete checkpoint of this training; deletes all others.

    Otherwise they would count towards the trainer's `save_total_limit`, which would delete new ones in their place.
    """
    folders = sorted((to / FOLDER).glob("checkpoint-*"), key=_step, reverse=True)
    found = next((point for folder in folders if (point := _read_manifest(folder, fingerprint))), None)
    for folder in folders:
        if found is None or folder != found.folder:
            shutil.rmtree(folder)
    return found


def write_record(to: Path, training: TrainingResult, fingerprint: str) -> None:
    """Write a finished training's record next to its adapter, then delete the trainer's checkpoints."""
    _write(to / RECORD, {"fingerprint": fingerprint, "training": dataclasses.asdict(training)})
    shutil.rmtree(to / FOLDER, ignore_errors=True)


def read_record(to: Path, fingerprint: str) -> TrainingResult | None:
    """The result of this training if it already finished and its adapter is unchanged; else None."""
    try:
        record = json.loads((to / RECORD).read_text(encoding="utf-8"))
        training = TrainingResult(**{**with_tuples(record["training"]), "adapter": str(to)})
        unchanged = record["fingerprint"] == fingerprint and weights_sha256(to) == training.adapter_sha256
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return training if unchanged else None


def with_tuples(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a record as they were before JSON made lists of its tuples."""
    return {name: tuple(value) if isinstance(value, list) else value for name, value in fields.items()}


def _read_manifest(folder: Path, fingerprint: str) -> ResumePoint | None:
    try:
        manifest = json.loads((folder / SEAL).read_text(encoding="utf-8"))
        if manifest["fingerprint"] != fingerprint:
            return None
        if any(sha256_of_file(folder / name) != digest for name, digest in manifest["files"].items()):
            return None
        return ResumePoint(folder, int(manifest["step"]), int(manifest["tokens"]), float(manifest["seconds"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _step(folder: Path) -> int:
    number = folder.name.rpartition("-")[2]
    return int(number) if number.isdigit() else -1



def _write(path: Path, value: dict[str, Any]) -> None:
    write_atomic(path, json.dumps(value).encode())
