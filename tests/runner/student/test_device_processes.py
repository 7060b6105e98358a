"""A training on several devices, in processes of torchrun, gives what one process gives; here they share the CPU."""

from __future__ import annotations

import dataclasses
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from safetensors.torch import load_file

from runner.protocols import TrainingConfig, TrainingExample, TrainingResult, TrainingStep
from runner.student.device_processes import devices_for, share_of
from runner.student.errors import AdapterLoadFailed, TrainingFailed
from runner.student.local_student import LocalStudent
from runner.student.lora.adapter_files import WEIGHTS
from store.event_log.journal import StopRequested
from store.run_config import DEFAULT_TARGET_MODULES
from tests.runner.tiny_models import llama_folder, phi_folder, student

RECIPE = TrainingConfig(steps=6, learning_rate=1e-2, batch_size=4, gradient_accumulation=1,
                        gradient_checkpointing=False, lora_rank=4, lora_alpha=8, lora_dropout=0.0,
                        target_modules=DEFAULT_TARGET_MODULES, max_sequence_tokens=64, seed=3)
EXAMPLES = [TrainingExample(f"What is number {number}?", "A group of containers. " * (1 + number % 3))
            for number in range(8)]


def on(folder: Path, devices: int) -> LocalStudent:
    one = student(folder)
    return LocalStudent(one.loaded, folder.name, one.plan, source=str(folder), devices=devices)


def train(of: LocalStudent, to: Path, steps: list[TrainingStep], recipe: TrainingConfig = RECIPE,
          start: Path | None = None) -> TrainingResult:
    return of.fine_tune(EXAMPLES, recipe, start, to, steps.append)


@pytest.mark.slow
@pytest.mark.parametrize("make", [llama_folder, phi_folder])
def test_two_devices_train_what_one_trains(tmp_path: Path, make: object) -> None:
    folder = make(tmp_path / "student")  # type: ignore[operator]
    one: list[TrainingStep] = []
    two: list[TrainingStep] = []
    alone = train(on(folder, 1), tmp_path / "one", one)
    together = train(on(folder, 2), tmp_path / "two", two)
    assert [step.loss for step in two] == pytest.approx([step.loss for step in one], abs=1e-3)
    assert one[-1].loss < one[0].loss - 0.1, "it learns"
    assert [(step.step, step.tokens, step.learning_rate) for step in two] == [
        (step.step, step.tokens, step.learning_rate) for step in one]
    weights = [load_file(tmp_path / name / WEIGHTS) for name in ("one", "two")]
    assert weights[0].keys() == weights[1].keys()
    assert max(float((weights[0][name] - weights[1][name]).abs().max()) for name in weights[0]) < 1e-2
    same = ("steps", "tokens", "trainable_parameters", "matched_modules")
    assert [getattr(together, name) for name in same] == [getattr(alone, name) for name in same]
    again: list[TrainingStep] = []
    assert train(on(folder, 2), tmp_path / "two", again) == together and again == []


@pytest.mark.parametrize(("batch", "accumulation", "devices", "share"), [
    (4, 1, 2, (2, 1)), (8, 2, 4, (2, 2)), (1, 4, 2, (1, 2)), (3, 4, 2, (3, 2))])
def test_the_examples_of_a_step_are_dealt_evenly(batch: int, accumulation: int, devices: int,
                                                 share: tuple[int, int]) -> None:
    recipe = dataclasses.replace(RECIPE, batch_size=batch, gradient_accumulation=accumulation)
    dealt = share_of(recipe, devices)
    assert (dealt.batch_size, dealt.gradient_accumulation) == share


@pytest.mark.parametrize(("batch", "accumulation", "available", "used"), [
    (4, 1, 1, 1), (4, 1, 2, 2), (4, 1, 3, 2), (8, 1, 8, 8), (1, 6, 4, 3), (5, 1, 4, 1)])
def test_as_many_devices_are_used_as_divide_a_step(batch: int, accumulation: int, available: int, used: int) -> None:
    recipe = dataclasses.replace(RECIPE, batch_size=batch, gradient_accumulation=accumulation)
    assert devices_for(recipe, available) == used


@pytest.mark.slow
def test_a_training_that_was_stopped_goes_on_as_if_it_had_not_been(tmp_path: Path) -> None:
    folder = llama_folder(tmp_path / "student")
    whole: list[TrainingStep] = []
    train(on(folder, 2), tmp_path / "whole", whole)

    def stop(step: TrainingStep) -> None:
        raise StopRequested("pause")
    with pytest.raises(StopRequested, match="pause"):
        on(folder, 2).fine_tune(EXAMPLES, RECIPE, None, tmp_path / "halves", stop)
    rest: list[TrainingStep] = []
    train(on(folder, 2), tmp_path / "halves", rest)
    assert rest[0].step > 1 and [step.loss for step in rest] == [step.loss for step in whole[rest[0].step - 1:]]
    assert rest[-1].tokens == whole[-1].tokens


@pytest.mark.slow
def test_what_a_process_reports_is_raised_here(tmp_path: Path) -> None:
    folder = llama_folder(tmp_path / "student")
    other = llama_folder(tmp_path / "other", hidden=64)
    train(on(other, 1), tmp_path / "foreign", [])
    with pytest.raises(AdapterLoadFailed, match="does not fit this student"):
        train(on(folder, 2), tmp_path / "to", [], start=tmp_path / "foreign")
    with pytest.raises(TrainingFailed, match="the loss became"):
        train(on(folder, 2), tmp_path / "nan", [], dataclasses.replace(RECIPE, learning_rate=1e30, steps=20))


@pytest.mark.slow
def test_the_processes_end_with_a_worker_that_is_killed(tmp_path: Path) -> None:
    folder = llama_folder(tmp_path / "student")
    code = (f"import sys, pathlib; sys.path.insert(0, '.')\n"
            "from tests.runner.student import test_device_processes as t\n"
            f"t.on(pathlib.Path({str(folder)!r}), 2).fine_tune(t.EXAMPLES, "
            f"t.dataclasses.replace(t.RECIPE, steps=100000), None, pathlib.Path({str(tmp_path / 'to')!r}), "
            "lambda step: print(step.step, flush=True))")
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True,
                          cwd=Path(__file__).parents[3]) as worker:
        assert worker.stdout and worker.stdout.readline().strip() == "1"
        processes = psutil.Process(worker.pid).children(recursive=True)
        assert len(processes) >= 3
        os.kill(worker.pid, signal.SIGKILL)
    deadline = time.monotonic() + 600
    while any(process.is_running() and process.status() != psutil.STATUS_ZOMBIE for process in processes):
        assert time.monotonic() < deadline, "the training goes on without its worker"
        time.sleep(0.1)
