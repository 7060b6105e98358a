"""Checkpoints inside a training: which of them can be gone on from, and a finished training's own record.

A trainer's checkpoint folder counts only with a seal: the sizes and hashes of its files and the fingerprint of
what is being trained, written last. Whatever a kill left half-written has none, and is trained again.
"""

from __future__ import annotations

import dataclasses
import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runner.protocols import TrainingConfig, TrainingExample, TrainingResult
from runner.student.lora.adapter_files import weights_sha256
from store.files import sha256_of, sha256_of_file, write_atomic

FOLDER, SEAL, RECORD = "checkpoints", "seal.json", "training.json"


@dataclass(frozen=True)
class ResumePoint:
    """Where a killed training stood."""

    folder: Path
    step: int
    tokens: int
    seconds: float


def fingerprint(examples: Sequence[TrainingExample], recipe: TrainingConfig, start: Path | None, student: str) -> str:
    """Names one training: the same one is continued, another one never.

    How it is held in memory is no part of it (precision of the frozen base, how many of a step's examples at a time,
    gradient checkpointing, where sequences are cut): a training goes on at the next rung of the memory ladder.
    """
    same = dataclasses.asdict(recipe) | {"examples_a_step": recipe.batch_size * recipe.gradient_accumulation}
    for held in ("batch_size", "gradient_accumulation", "gradient_checkpointing", "max_sequence_tokens"):
        del same[held]
    told = {"examples": [dataclasses.astuple(example) for example in examples], "recipe": same,
            "start": weights_sha256(start) if start else None, "student": student}
    return sha256_of(json.dumps(told, sort_keys=True).encode())


def mark_complete(folder: Path, fingerprint: str, step: int, tokens: int, seconds: float) -> None:
    """Declare a checkpoint whole."""
    files = {path.name: sha256_of_file(path) for path in sorted(folder.iterdir())
             if path.is_file() and path.name != SEAL}
    _write(folder / SEAL, {"fingerprint": fingerprint, "step": step, "tokens": tokens, "seconds": seconds,
                           "files": files})


def resume_point(to: Path, fingerprint: str) -> ResumePoint | None:
    """The furthest checkpoint of this very training whose files are as they were sealed; all others are removed.

    Left lying they would count towards the trainer's limit, and it would throw away new ones for them.
    """
    folders = sorted((to / FOLDER).glob("checkpoint-*"), key=_step, reverse=True)
    found = next((progress for folder in folders if (progress := _progress(folder, fingerprint))), None)
    for folder in folders:
        if found is None or folder != found.folder:
            shutil.rmtree(folder)
    return found


def write_record(to: Path, training: TrainingResult, fingerprint: str) -> None:
    """Note a finished training beside its adapter, then let the trainer's checkpoints go."""
    _write(to / RECORD, {"fingerprint": fingerprint, "training": dataclasses.asdict(training)})
    shutil.rmtree(to / FOLDER, ignore_errors=True)


def read_record(to: Path, fingerprint: str) -> TrainingResult | None:
    """A training that was finished already, its adapter still as it was left."""
    try:
        record = json.loads((to / RECORD).read_text(encoding="utf-8"))
        values: dict[str, Any] = {
            key: tuple(value) if isinstance(value, list) else value for key, value in record["training"].items()}
        training = TrainingResult(**{**values, "adapter": str(to)})
        whole = record["fingerprint"] == fingerprint and weights_sha256(to) == training.adapter_sha256
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return training if whole else None


def _progress(folder: Path, fingerprint: str) -> ResumePoint | None:
    try:
        told = json.loads((folder / SEAL).read_text(encoding="utf-8"))
        if told["fingerprint"] != fingerprint:
            return None
        if any(sha256_of_file(folder / name) != digest for name, digest in told["files"].items()):
            return None
        return ResumePoint(folder, int(told["step"]), int(told["tokens"]), float(told["seconds"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _step(folder: Path) -> int:
    number = folder.name.rpartition("-")[2]
    return int(number) if number.isdigit() else -1



def _write(path: Path, value: dict[str, Any]) -> None:
    write_atomic(path, json.dumps(value).encode())
