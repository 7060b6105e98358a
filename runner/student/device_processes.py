"""Train on several devices of this machine: one process a device, started by torchrun and watched from here.

The processes run `training_process`. Steps come back as lines of JSON on standard output; a request to stop goes to
them as a file. They end with this process, whatever ends it.
"""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runner.protocols import TrainingConfig, TrainingExample, TrainingResult, TrainingStep
from runner.student import errors
from runner.student.training_checkpoints import with_tuples
from store.event_log.journal import StopRequested

STEP, RESULT, FAILURE = "step", "result", "failure"
_LAST_WORDS = 600  # characters of a library's error


@dataclass(frozen=True)
class DistributedTraining:
    """What each process needs to know of a training."""

    source: str
    """The student: a folder or a Hugging Face id."""
    precision: str
    device: str
    """`cuda`: each process uses the device of its rank; `cpu`: they share the processor, for tests."""
    own_template: bool
    examples: tuple[TrainingExample, ...]
    recipe: TrainingConfig
    """With the batch size of one device."""
    start: str | None
    to: str
    kept_tokens: int
    until: int | None
    stop_file: str = ""
    """Training stops after the step at which this file is there."""


def devices_for(recipe: TrainingConfig, available: int) -> int:
    """Return how many devices a training uses: the most among which the examples of a step can be dealt evenly."""
    return max(number for number in range(1, available + 1)
               if recipe.batch_size % number == 0 or recipe.gradient_accumulation % number == 0)


def share_of(recipe: TrainingConfig, devices: int) -> TrainingConfig:
    """Return the recipe of one of several devices, which together take the same examples a step."""
    if recipe.batch_size % devices == 0:
        return dataclasses.replace(recipe, batch_size=recipe.batch_size // devices)
    assert recipe.gradient_accumulation % devices == 0
    return dataclasses.replace(recipe, gradient_accumulation=recipe.gradient_accumulation // devices)


def train_on_devices(training: DistributedTraining, devices: int,
                     on_step: Callable[[TrainingStep], None]) -> TrainingResult:
    """Train, and return the result that one process would have; it is the same but for rounding.

    Where the number of examples is no multiple of the batch size, the last batch of an epoch is filled up from its
    beginning, so that every device has one.

    Args:
        training: with the recipe of the whole; each device gets its share.
        devices: number of processes, as `devices_for` says.
        on_step: called after each step; may raise `StopRequested`.

    Raises:
        StopRequested: as `on_step` raised it, once a checkpoint is saved.
        TrainingFailed, OutOfMemory, AdapterLoadFailed, ModelLoadFailed: what a process reported.
    """
    with tempfile.TemporaryDirectory(prefix="training-") as folder:
        described = dataclasses.replace(training, recipe=share_of(training.recipe, devices),
                                        stop_file=str(Path(folder, "stop")))
        Path(folder, "training.json").write_text(json.dumps(dataclasses.asdict(described)), encoding="utf-8")
        with Path(folder, "errors.txt").open("w+b") as last_words:
            process = subprocess.Popen(_command(devices, Path(folder, "training.json")), stdout=subprocess.PIPE,
                                       stderr=last_words, text=True, env=_environment(os.environ, devices))
            try:
                return _result(process, described, on_step, Path(folder, "errors.txt"))
            finally:
                process.terminate()
                process.wait()


def read_training(path: Path) -> DistributedTraining:
    """Return a training as `train_on_devices` wrote it."""
    fields = json.loads(path.read_text(encoding="utf-8"))
    return DistributedTraining(**fields | {
        "recipe": TrainingConfig(**with_tuples(fields["recipe"])),
        "examples": tuple(TrainingExample(**example) for example in fields["examples"])})


def message(kind: str, content: Mapping[str, Any]) -> str:
    """Return one line of what a process says."""
    return json.dumps({"kind": kind, **content})


def _command(devices: int, described: Path) -> Sequence[str]:
    return (sys.executable, "-m", "runner.student.training_process", str(os.getpid()), str(devices), str(described))


def _environment(own: Mapping[str, str], devices: int) -> dict[str, str]:
    """The environment of the processes: the cores are dealt out, and this program is importable from anywhere."""
    threads = max(1, (os.cpu_count() or 1) // devices)
    return {**own, "OMP_NUM_THREADS": str(threads), "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}


def _result(process: subprocess.Popen[str], training: DistributedTraining, on_step: Callable[[TrainingStep], None],
            last_words: Path) -> TrainingResult:
    stop: StopRequested | None = None
    result: TrainingResult | None = None
    for said in _messages(process.stdout or ()):
        kind = said.pop("kind")
        if kind == STEP and stop is None:
            try:
                on_step(TrainingStep(**said))
            except StopRequested as request:
                stop = request
                Path(training.stop_file).touch()
        elif kind == RESULT:
            result = TrainingResult(**with_tuples(said))
        elif kind == FAILURE:
            raise getattr(errors, said["error"])(said["message"])
    process.wait()
    if stop is not None:
        raise stop
    if result is None:
        text = last_words.read_text(encoding="utf-8", errors="replace").strip()
        if "SIGKILL" in text:
            raise errors.OutOfMemory("a training process was killed, most likely because memory ran out: use a smaller "
                                     "batch, precision nf4 or a smaller student")
        raise errors.TrainingFailed(f"the training processes ended with code {process.returncode} and without a "
                                    f"result: {' '.join(text[-_LAST_WORDS:].split()) or 'no word of why'}")
    return result


def _messages(lines: Iterable[str]) -> Iterable[dict[str, Any]]:
    """What the first process says; libraries may print lines of their own."""
    for line in lines:
        if line.startswith('{"kind": '):
            yield json.loads(line)
