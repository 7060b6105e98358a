"""The recovery table is complete, and each of its rows has the stated effect on a run."""

from __future__ import annotations

import dataclasses
import errno
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import fakes
import pytest

from runner.artifact_store.errors import ArtifactStoreError
from runner.hardware import InsufficientMemory, NoSmallerPlan
from runner.judge.errors import JudgeFailed
from runner.llm.errors import (
    BatchRefused, ContextTooLong, EndpointUnavailable, InvalidKey, MissingKey, QuotaExceeded, RateLimited,
    ReplyNotStored, UnreadableReply,
)
from runner.pipeline.recovery import RECOVERY, Action, ErrorKind, classify_error, retry_delay
from runner.pipeline.resources import RunResources
from runner.pipeline.run_knowledge import DocumentsChanged
from runner.pipeline.stages.practice_questions import TooFewQuestions
from runner.pipeline.worker import execute_claimed_run
from runner.student.errors import AdapterLoadFailed, ModelLoadFailed, ModelUnusable, OutOfMemory, TrainingFailed
from store import commands, queries
from store.costs.prices import InvalidPrices
from store.database import Store, open_store
from store.event_log import leases
from store.event_log.journal import read_events
from store.events import AdapterTrained, RecoveryTaken, StageFailed
from store.paths import Paths
from tests.plain_runs import plain_run


def test_every_kind_has_its_row() -> None:
    assert set(RECOVERY) == set(ErrorKind)
    assert all(row.advice for row in RECOVERY.values())


@pytest.mark.parametrize(("error", "kind"), [
    (OutOfMemory("x"), ErrorKind.OUT_OF_MEMORY), (MemoryError(), ErrorKind.OUT_OF_MEMORY),
    (RateLimited("x", 3.0), ErrorKind.RATE_LIMIT), (EndpointUnavailable("x"), ErrorKind.TEACHER_UNREACHABLE),
    (MissingKey("x"), ErrorKind.AUTHENTICATION), (InvalidKey("x"), ErrorKind.AUTHENTICATION),
    (ModelLoadFailed("x"), ErrorKind.MODEL_LOADING), (AdapterLoadFailed("x"), ErrorKind.ADAPTER),
    (TrainingFailed("x"), ErrorKind.TRAINING), (OSError(errno.ENOSPC, "full"), ErrorKind.DISK_FULL),
    (RuntimeError("database or disk is full"), ErrorKind.DISK_FULL), (KeyError("x"), ErrorKind.UNEXPECTED)])
def test_errors_find_their_kind(error: Exception, kind: ErrorKind) -> None:
    assert classify_error(error) is kind


def test_the_wait_is_the_servers_own_or_doubles() -> None:
    row = RECOVERY[ErrorKind.RATE_LIMIT]
    assert retry_delay(RateLimited("x", 7.5), row, 1) == 7.5
    assert [retry_delay(ValueError(), row, attempt) for attempt in (1, 2, 3)] == [5.0, 10.0, 20.0]


def carry_out(tmp_path: Path, fail: Callable[[str], None], cycles: int = 1) -> tuple[Store, str]:
    return carry_out_with(tmp_path, partial(fakes.fake_resources, fail=fail), cycles)


def carry_out_with(tmp_path: Path, bench: Callable[..., RunResources], cycles: int = 1) -> tuple[Store, str]:
    paths = Paths(tmp_path, f"sqlite:///{tmp_path / 'events.db'}")
    store = open_store(paths.store_url)
    run = commands.launch_run(store, plain_run(topics=("pods", "services", "jobs"), questions=6, held_out=6,
                                            cycles=cycles, steps=3), "test")
    claim = leases.claim_next(store, leases.owner_name())
    assert claim and execute_claimed_run(claim, paths, bench) == 0
    return store, run


# For each kind an error of that kind, and where a run meets it.
EXAMPLES: dict[ErrorKind, tuple[str, BaseException]] = {
    ErrorKind.OUT_OF_MEMORY: ("answer", OutOfMemory("no room")),
    ErrorKind.NO_SMALLER_PLAN: ("fine_tune", NoSmallerPlan("the last rung")),
    ErrorKind.INSUFFICIENT_MEMORY: ("answer", InsufficientMemory("1 GB is free")),
    ErrorKind.ADAPTER: ("fine_tune", AdapterLoadFailed("made for another model")),
    ErrorKind.RATE_LIMIT: ("answer", RateLimited("too many calls")),
    ErrorKind.TEACHER_UNREACHABLE: ("answer", EndpointUnavailable("nobody there")),
    ErrorKind.TEACHER_REPLY: ("answer", UnreadableReply("no JSON")),
    ErrorKind.AUTHENTICATION: ("answer", InvalidKey("refused")),
    ErrorKind.BUDGET: ("answer", QuotaExceeded("no credit")),
    ErrorKind.CONTEXT_TOO_LONG: ("answer", ContextTooLong("too long")),
    ErrorKind.MODEL_LOADING: ("answer", ModelLoadFailed("no 4-bit weights here")),
    ErrorKind.MODEL_UNUSABLE: ("answer", ModelUnusable("no such folder")),
    ErrorKind.TRAINING: ("fine_tune", TrainingFailed("not a number")),
    ErrorKind.JUDGE: ("likelihoods", JudgeFailed("no score")),
    ErrorKind.KNOWLEDGE: ("answer", TooFewQuestions("nothing left")),
    ErrorKind.KNOWLEDGE_CHANGED: ("answer", DocumentsChanged("then a, now b")),
    ErrorKind.BATCH_REFUSED: ("answer", BatchRefused("no such page")),
    ErrorKind.REPLY_NOT_STORED: ("answer", ReplyNotStored("no stored reply")),
    ErrorKind.PRICE_FILE: ("answer", InvalidPrices("no price")),
    ErrorKind.ARTIFACT_STORE: ("answer", ArtifactStoreError("no answer")),
    ErrorKind.DISK_FULL: ("answer", OSError(errno.ENOSPC, "no space")),
    ErrorKind.DISK: ("answer", OSError(errno.EROFS, "read-only")),
    ErrorKind.UNEXPECTED: ("answer", KeyError("surprise")),
}
# A death is no exception: these rows are the supervisor's, and tested with it; `test_store_gone.py` has the store's.
BY_THE_SUPERVISOR = {ErrorKind.PROCESS_KILLED, ErrorKind.INTERRUPTED, ErrorKind.NODE_LOST, ErrorKind.NOT_PLACED,
                     ErrorKind.CHECKPOINTS_MISSING, ErrorKind.STORE_GONE}


def test_every_row_has_its_example() -> None:
    assert set(EXAMPLES) | BY_THE_SUPERVISOR == set(ErrorKind)
    assert all(classify_error(error) is kind for kind, (_, error) in EXAMPLES.items())


@pytest.fixture
def _no_long_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    for kind, row in RECOVERY.items():
        monkeypatch.setitem(RECOVERY, kind, dataclasses.replace(row, wait_seconds=min(row.wait_seconds, 0.01)))


@pytest.mark.usefixtures("_no_long_waits")
@pytest.mark.parametrize("kind", EXAMPLES)
def test_an_error_that_passes_is_got_over_as_its_row_says(tmp_path: Path, kind: ErrorKind) -> None:
    where, error = EXAMPLES[kind]
    store, run = carry_out(tmp_path, once(where, error))
    found, row = queries.find_run(store, run), RECOVERY[kind]
    assert found
    taken = [item.event for item in read_events(store, run) if isinstance(item.event, RecoveryTaken)]
    failed = [item.event for item in read_events(store, run) if isinstance(item.event, StageFailed)]
    if row.action is Action.GIVE_UP:
        assert taken == [] and [(event.kind, event.advice) for event in failed] == [(kind, row.advice)]
        assert found.work == ("failed" if row.fatal else "finished")
        assert not row.fatal or (found.error_kind, found.advice) == (kind, row.advice)
    else:
        assert found.work == "finished" and failed == []
        assert [(event.kind, event.action, event.attempt) for event in taken] == [(kind, row.action, 1)]


@pytest.mark.usefixtures("_no_long_waits")
@pytest.mark.parametrize("kind", [kind for kind in EXAMPLES if RECOVERY[kind].action is not Action.GIVE_UP])
def test_an_error_that_stays_is_met_as_often_as_its_row_says_and_then_told(tmp_path: Path, kind: ErrorKind) -> None:
    where, error = EXAMPLES[kind]
    store, run = carry_out(tmp_path, once(where, error, times=10_000))
    found, row = queries.find_run(store, run), RECOVERY[kind]
    assert found
    events = read_events(store, run)
    first = next(item for item in events if isinstance(item.event, StageFailed))
    met = [item for item in events if isinstance(item.event, RecoveryTaken) and item.stage == first.stage
           and item.seq < first.seq]
    assert len(met) == row.retries and isinstance(first.event, StageFailed) and first.event.trace
    assert found.work == ("failed" if row.fatal else "finished")


def test_a_student_that_does_not_load_is_loaded_with_the_next_settings(tmp_path: Path) -> None:
    def bench(*given: Any, rungs: int) -> RunResources:
        made = fakes.fake_resources(*given)

        def open_student(rung: int) -> Any:
            if rung < 1:
                raise ModelLoadFailed("4-bit weights cannot be made here")
            if rung >= rungs:
                raise NoSmallerPlan("the ladder has no such rung")
            return fakes.FakeStudent()
        return dataclasses.replace(made, open_student=open_student)

    store, run = carry_out_with(tmp_path / "two", partial(bench, rungs=2))
    assert (queries.find_run(store, run) or pytest.fail()).work == "finished"
    (taken,) = [item.event for item in read_events(store, run) if isinstance(item.event, RecoveryTaken)]
    assert (taken.kind, taken.action) == ("model loading", Action.USE_NEXT_SETTINGS)
    store, run = carry_out_with(tmp_path / "one", partial(bench, rungs=1))
    found = queries.find_run(store, run)
    assert found and (found.work, found.error_kind) == ("failed", "model loading")
    assert "4-bit weights" in (found.error or "")  # and not the ladder's end, which is its consequence


def once(where: str, error: BaseException, times: int = 1) -> Callable[[str], None]:
    """A failure at a place, the first so many times."""
    left = [times]

    def fail(at: str) -> None:
        if at == where and left[0]:
            left[0] -= 1
            raise error
    return fail


@pytest.mark.parametrize("where", ["answer", "likelihoods", "fine_tune"])
def test_out_of_memory_moves_to_the_next_rung_and_the_run_finishes(tmp_path: Path, where: str) -> None:
    store, run = carry_out(tmp_path, once(where, OutOfMemory("no room")))
    found = queries.find_run(store, run)
    assert found and found.work == "finished" and queries.cycles_of(store, run)[0].work == "finished"
    (taken,) = [item.event for item in read_events(store, run) if isinstance(item.event, RecoveryTaken)]
    assert taken.kind == "out of memory" and "next rung" in taken.action and taken.message == "no room"


def test_a_failed_training_leaves_the_cycle_honest_and_the_next_one_goes_on(tmp_path: Path) -> None:
    store, run = carry_out(tmp_path, once("fine_tune", TrainingFailed("the loss is not a number")), cycles=2)
    first, second = queries.cycles_of(store, run)
    assert (first.work, first.verdict, first.adapter) == ("no adapter", "not measured", None)
    assert "not a number" in (first.sentence or "")
    for pair in queries.answers_of(store, run, 1):
        assert pair.tuned is None and "not a number" in (pair.tuned_missing or "")
        assert pair.baseline and all(after is None for _, after in pair.scores.values())
    assert second.work == "finished" and second.adapter
    assert [item.event.kind for item in read_events(store, run) if isinstance(item.event, StageFailed)] == [
        "training failure"]
    assert queries.success_rate(store) == queries.SuccessRate(succeeded=1, ended=2)


def test_a_training_that_fails_in_the_middle_is_followed_by_one_from_the_last_good_adapter(tmp_path: Path) -> None:
    def in_the_second_cycle(where: str, left: list[int] = [2]) -> None:  # noqa: B006
        if where == "fine_tune" and (left.append(0) or len(left)) == 5:  # three steps, then the next cycle's first
            raise TrainingFailed("the loss is not a number")

    store, run = carry_out(tmp_path, in_the_second_cycle, cycles=3)
    first, second, third = queries.cycles_of(store, run)
    assert [cycle.work for cycle in (first, second, third)] == ["finished", "no adapter", "finished"]
    trained = [item.event for item in read_events(store, run) if isinstance(item.event, AdapterTrained)]
    assert [event.continued_from for event in trained] == [None, first.adapter]
    assert queries.success_rate(store, run).ratio == 2 / 3


def test_an_unforeseen_error_fails_the_run_with_its_trace_kept(tmp_path: Path) -> None:
    store, run = carry_out(tmp_path, once("answer", KeyError("surprise")))
    found = queries.find_run(store, run)
    assert found and (found.work, found.error_kind) == ("failed", "unforeseen")
    assert "surprise" in (found.trace or "") and found.advice
    assert queries.cycles_of(store, run) == []


def test_a_full_disk_fails_the_run_clearly_and_it_goes_on_after_space_returns(tmp_path: Path) -> None:
    store, run = carry_out(tmp_path, once("answer", OSError(errno.ENOSPC, "No space left on device")))
    found = queries.find_run(store, run)
    assert found and found.error_kind == "disk full" and "DATA_DIR" in (found.advice or "")
    commands.change_run_state(store, "retry", run)
    claim = leases.claim_next(store, leases.owner_name())
    assert claim and execute_claimed_run(claim, Paths(tmp_path, store.url), fakes.fake_resources) == 0
    assert (queries.find_run(store, run) or pytest.fail()).work == "finished"


def test_without_fine_tuning_the_tuned_side_is_missing_and_says_why(tmp_path: Path) -> None:
    paths = Paths(tmp_path, f"sqlite:///{tmp_path / 'events.db'}")
    store = open_store(paths.store_url)
    run = commands.launch_run(store, plain_run(topics=("pods", "jobs"), questions=3, held_out=3,
                                            fine_tune=False), "test")
    claim = leases.claim_next(store, leases.owner_name())
    assert claim and execute_claimed_run(claim, paths, fakes.fake_resources) == 0
    (cycle,) = queries.cycles_of(store, run)
    assert (cycle.work, cycle.verdict) == ("not tuned", "not measured")
    assert all("switched off" in (pair.tuned_missing or "") for pair in queries.answers_of(store, run, 1))
