"""After running out of memory anywhere, a run continues with the next plan, from its last checkpoint.

Real runs with a tiny student; the errors are torch's own, raised where torch would raise them.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from runner import hardware
from runner.hardware import GB, Gpu
from runner.protocols import StudentInfo
from runner.student import local_student, open_student, trainer
from runner.student.errors import OutOfMemory
from runner.student.inference import continuous_batching
from store import queries
from store.events import AdapterTrained, Event, MetricLogged, PlanChosen, RecoveryTaken, RunFailed, StageFinished
from tests.runner.tiny_models import llama_folder
from tests.runner.tiny_runs import STEPS, carried_out, launched
from tests.plain_runs import plain_run


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return llama_folder(tmp_path_factory.mktemp("tiny"), context=512)


def of_kind(events: list[Event], kind: type[Any]) -> list[Any]:
    return [event for event in events if isinstance(event, kind)]


def fails_at(real: Callable[..., Any], *calls: int) -> Callable[..., Any]:
    """The real function, but memory runs out at these of its calls (from 1)."""
    count = [0]

    def failing(*given: Any, **named: Any) -> Any:
        count[0] += 1
        if count[0] in calls:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB")
        return real(*given, **named)
    return failing


@pytest.mark.parametrize("where", ["load", "answer"])
def test_out_of_memory_takes_the_next_plan_and_the_cycle_finishes(
        tmp_path: Path, tiny: Path, monkeypatch: pytest.MonkeyPatch, where: str) -> None:
    if where == "load":
        monkeypatch.setattr(local_student, "load_model", fails_at(local_student.load_model, 1))
    else:
        monkeypatch.setattr(continuous_batching, "sample_next_tokens",
                            fails_at(continuous_batching.sample_next_tokens, 3))
    store, run, paths = launched(tmp_path, tiny)
    events = carried_out(store, run, paths)
    assert [(plan.rung, plan.batch_size) for plan in of_kind(events, PlanChosen)] == [(0, 2), (1, 1)]
    (taken,) = of_kind(events, RecoveryTaken)
    assert taken.kind == "out of memory" and "Tried to allocate" in taken.message
    assert events.index(of_kind(events, PlanChosen)[0]) < events.index(taken)  # the plan that failed is recorded
    (cycle,) = queries.cycles_of(store, run)
    assert cycle.work == "finished" and cycle.adapter
    spent = [(done.loading_seconds, done.seconds) for done in of_kind(events, StageFinished)]
    assert all(0 <= loading <= seconds for loading, seconds in spent) and any(loading > 0 for loading, _ in spent)


def test_training_resumes_with_the_next_plan_from_its_last_checkpoint(
        tmp_path: Path, tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trainer.CompletionTrainer, "compute_loss", fails_at(trainer.CompletionTrainer.compute_loss, 5))
    store, run, paths = launched(tmp_path, tiny)
    events = carried_out(store, run, paths)
    steps = [event.step for event in of_kind(events, MetricLogged) if event.key == "loss"]
    assert steps == list(range(1, STEPS + 1))  # each step once: resumed at 5
    (trained,) = of_kind(events, AdapterTrained)
    assert trained.steps == STEPS
    assert [plan.rung for plan in of_kind(events, PlanChosen)] == [0, 1]
    assert queries.cycles_of(store, run)[0].work == "finished"


def test_if_every_plan_runs_out_of_memory_the_run_continues_without_training(
        tmp_path: Path, tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    always = fails_at(trainer.CompletionTrainer.compute_loss, *range(1, 1000))
    monkeypatch.setattr(trainer.CompletionTrainer, "compute_loss", always)
    store, run, paths = launched(tmp_path, tiny)
    events = carried_out(store, run, paths)
    assert [plan.rung for plan in of_kind(events, PlanChosen)][:6] == [0, 1, 2, 3, 4, 5]
    (cycle,) = queries.cycles_of(store, run)
    assert (cycle.work, cycle.adapter) == ("no adapter", None) and "last of the memory ladder" in (cycle.sentence or "")
    found = queries.find_run(store, run)
    assert found and found.work == "finished" and found.verdict == "not measured"


def test_where_nothing_fits_the_run_is_refused_with_numbers_and_advice(
        tmp_path: Path, tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    machine = hardware.Machine(2, 8 * GB, GB // 2, None, 0, 0, ())
    monkeypatch.setattr(hardware, "measure", lambda: machine)
    store, run, paths = launched(tmp_path, tiny)
    (failed,) = of_kind(carried_out(store, run, paths), RunFailed)
    assert failed.kind == "does not fit" and "0.5 GB of free RAM" in failed.message
    assert "smaller student" in failed.advice


def test_a_gpu_that_runs_out_of_memory_is_left_plan_by_plan_for_the_cpu(
        tmp_path: Path, tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All but the kernels: the GPU is detected, planned for, capped and abandoned; loading on it raises."""
    real, measure, attempts, shares = local_student.load_model, hardware.measure, [], []

    def load(source: str, precision: str, device: str) -> Any:
        attempts.append((device, precision))
        if device == "cuda":
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB")
        return real(source, precision, device)

    monkeypatch.setattr(hardware, "measure", lambda: measure(lambda: Gpu("T4", 6 * GB, 8 * GB, False)))
    monkeypatch.setattr(torch.cuda, "set_per_process_memory_fraction", shares.append)
    monkeypatch.setattr(local_student, "load_model", load)
    config = plain_run(student=str(tiny), precision="nf4", batch_size=2, gpu_memory_cap_gb=3.0)
    plan_index, plans = 0, list[StudentInfo]()
    while True:
        try:
            found = open_student(config, tmp_path, plan_index, plans.append)
            break
        except OutOfMemory:
            plan_index = plans[-1].plan_index + 1
    assert attempts == [("cuda", "nf4")] * 4 + [("cpu", "nf4")]
    assert found.info.device == "cpu" and "the GPU's memory was not enough" in found.info.precision_reason
    assert shares == [pytest.approx(3 / 8)] * 4
    assert "cut to 256" in plans[2].precision_reason and "capped at 3 GB" in plans[0].precision_reason
