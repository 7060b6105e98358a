"""Executes one run, in a process of its own: memory truly comes back, and a crash takes nobody along.

The claim comes from the supervisor; every write carries its fence, so a worker that was given up cannot write.
"""

from __future__ import annotations

import contextlib
import importlib.metadata
import os
import platform
import signal
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from functools import partial

from sqlalchemy.exc import SQLAlchemyError

from knowledge.domain import Domain
from knowledge.opening import open_knowledge
from runner.cycle import flow_rows
from runner.execution import Execution, RunGivenUp
from runner.hardware import seconds_loading, watch_stage
from runner.judge.marks import ModelJudge
from runner.recovery import RECOVERY, Action, kind_of
from runner.roles import Judge, Student, StudentInfo, Teacher
from runner.rungs import first_rung
from runner.workbench import Workbench
from store.config import RunConfig
from store.database import Store, open_store
from store.events import Event, PlanChosen, RecoveryTaken, RunCancelled, RunFailed, RunPaused, RunRequeued, RunStarted
from store.journal import Claim, Journal, LeaseLost, StopRequested, read_events
from store.leases import release, renew
from store.locations import Locations
from store.queries import run_named

HEARTBEAT_SECONDS = 0.5
RENEW_EVERY_BEATS = 10
EXIT_LEASE_LOST = 3
HAND_BACK = "hand back"
"""How a run stops whose runner was told to stop (SIGTERM): the item at work is finished, the rest waits."""
STOPPED: dict[str, Event] = {"cancel": RunCancelled(), "pause": RunPaused(),
                             HAND_BACK: RunRequeued("the runner was stopped")}
_REPORTED_PACKAGES = ("torch", "transformers", "peft", "trl", "bitsandbytes", "ragas", "openai", "streamlit",
                      "sqlalchemy")


def work(claim: Claim, places: Locations, bench: Callable[..., Workbench] | None = None) -> int:
    """Carry a claimed run out to its end; returns the exit code (0 also for a run that failed clearly)."""
    store = open_store(places.store_url)
    journal = Journal(store, claim)
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, lambda *_: journal.request_stop(HAND_BACK))
    try:
        with heartbeat(store, journal):
            _carry_out(store, journal, places, bench or real_workbench)
    except LeaseLost:
        return EXIT_LEASE_LOST
    release(store, claim)
    store.close()
    return 0


def _carry_out(store: Store, journal: Journal, places: Locations, bench: Callable[..., Workbench]) -> None:
    claim = journal.claim
    run = run_named(store, claim.run)
    assert run is not None
    folder = places.run(claim.run)
    journal.append(RunStarted(claim.owner, claim.attempt, versions(), flow_rows(run.config), str(folder)))
    try:
        folder.mkdir(parents=True, exist_ok=True)
        history = read_events(store, claim.run)
        workbench = bench(run.config, claim.run, store, places, journal)
        workbench.rung = first_rung(history)
        Execution(run=claim.run, config=run.config, folder=folder, journal=journal, workbench=workbench,
                  history=history, watch_memory=watch_stage, seconds_loading=seconds_loading).carry_out()
    except StopRequested as stop:
        journal.append(STOPPED.get(stop.how, STOPPED["pause"]))  # what nobody understands loses nothing
    except LeaseLost:
        raise
    except RunGivenUp as given_up:
        journal.append(RunFailed(given_up.kind, str(given_up), given_up.advice, given_up.trace))
    except (OSError, SQLAlchemyError) as error:  # the disk or the store, outside of any stage
        kind = kind_of(error)
        if _has_not_ended(store, claim.run):
            journal.append(RunFailed(kind, str(error), RECOVERY[kind].advice, traceback.format_exc()))


def _has_not_ended(store: Store, run: str) -> bool:
    """A write that seemed to fail may have come through, and it may have been the run's end."""
    found = run_named(store, run)
    return found is None or found.active


def real_workbench(config: RunConfig, run: str, store: Store, places: Locations, journal: Journal) -> Workbench:
    """The real teacher, student and judge that a configuration names."""

    def open_domain() -> Domain:
        return open_knowledge(config.knowledge, config.knowledge_name)

    def open_teacher() -> Teacher:
        from runner.teacher import open_teacher

        return open_teacher(config, run, store, partial(tell_wait, journal), partial(_sleep, journal))

    def open_student(rung: int) -> Student:
        from runner.student import open_student

        return open_student(config, places.models, rung, tell_plan)

    def tell_plan(info: StudentInfo) -> None:
        workbench.rung = info.rung
        journal.append(plan_of(info))

    def open_judge() -> Judge:
        from runner.judge import open_judge

        return open_judge()

    def open_model_judge() -> ModelJudge | None:
        from runner.judge import open_model_judge

        return open_model_judge(config, run, store, partial(tell_wait, journal))

    workbench = Workbench(open_domain, open_teacher, open_student, open_judge, open_model_judge=open_model_judge)
    return workbench


def tell_wait(journal: Journal, seconds: float, error: Exception) -> None:
    """A call to a teacher or a judge waits: on record, and a person who asked to stop need not wait too."""
    journal.check_stop()
    journal.append(RecoveryTaken(kind_of(error), Action.WAIT, 1, seconds, str(error)))


def _sleep(journal: Journal, seconds: float) -> None:
    """Sleep in short pieces; ends with StopRequested as soon as the heartbeat has seen that a stop was asked for."""
    until = time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0:
        journal.check_stop()
        time.sleep(min(left, 0.25))


def plan_of(info: StudentInfo) -> Event:
    """What the record keeps of how the student is held."""
    return PlanChosen(device=info.device, precision=info.precision, batch_size=info.batch_size, threads=info.threads,
                      reason=info.precision_reason, student=info.name, parameters=info.parameters, weights=info.weights,
                      rung=info.rung)


def versions() -> dict[str, str]:
    """What this run was made with."""
    found = {"python": platform.python_version()}
    for package in _REPORTED_PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            found[package] = "not installed"
    return found


@contextlib.contextmanager
def heartbeat(store: Store, journal: Journal) -> Iterator[None]:
    """Renew the lease, and learn of stop requests, from a thread that no long computation can starve for long."""
    over = threading.Event()
    thread = threading.Thread(target=_beat, args=(store, journal, over), daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _beat(store: Store, journal: Journal, over: threading.Event) -> None:
    beats = 0
    while not over.wait(HEARTBEAT_SECONDS):
        beats += 1
        try:
            journal.flush()
            if beats % RENEW_EVERY_BEATS == 0 and not renew(store, journal.claim):
                raise LeaseLost(journal.claim.run)
        except SQLAlchemyError:
            continue  # the store fails; it may be back by the next beat, and the lease outlives a few
        except LeaseLost:
            os._exit(EXIT_LEASE_LOST)  # another runner has this run; anything still done here would be in its way
