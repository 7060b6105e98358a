"""Execute one run in a child process, so that its memory is freed and a crash cannot take the runner down.

The supervisor hands over the claim; every write carries its fencing token, so a worker that lost the claim cannot
write.
"""

from __future__ import annotations

import contextlib
import importlib.metadata
import os
import platform
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TypeVar

from sqlalchemy.exc import SQLAlchemyError

from knowledge.domain import Domain
from knowledge.split_stability import Comparison
from runner.artifact_store.errors import InvalidAddress
from runner.hardware import loading_seconds, track_stage_memory
from runner.judge.protocols import LLMJudge
from runner.llm.capabilities import RefusedOption
from runner.llm.errors import WaitingForBatch
from runner.pipeline import run_knowledge
from runner.pipeline.batch_sender import JUDGE, TEACHER, RunBatches
from runner.pipeline.executor import PipelineExecutor, RunAborted, TestHeldBack, WaitTooLong
from runner.pipeline.pipeline import flow_rows
from runner.pipeline.recovery import EXIT_STORE_GONE, RECOVERY, Action, ErrorKind, classify_error, retry_delay
from runner.pipeline.resources import RunResources
from runner.pipeline.schedule import VARIABLE, endpoints_elsewhere
from runner.pipeline.resume import missing_checkpoints, starting_plan_index
from runner.pipeline.shared_files import latest_stored, open_shared_files
from runner.pipeline.stage_context import WaitsForReview
from runner.protocols import Judge, Student, StudentInfo, Teacher
from store.analysis.earlier_documents import apart_from_earlier_runs
from store.database import Store, StoreError, open_store
from store.event_log.journal import Claim, Journal, LeaseLost, StopRequested, read_events
from store.event_log.leases import release, renew
from store.event_log.nodes import NODE_VARIABLE
from store.events import (
    EndpointOptionRefused, Event, PlanChosen, Recorded, RecoveryTaken, RunCancelled, RunFailed, RunPaused,
    RunRequeued, RunStarted, RunWaitingForBatch, RunWaitingForReview,
)
from store.paths import Paths
from store.queries import all_runs, find_run
from store.run_config import RunConfig

T = TypeVar("T")
LEASE_CHECK_SECONDS = 0.5
RENEW_EVERY_CHECKS = 10
EXIT_LEASE_LOST = 3
REQUEUE = "hand back"
"""How a run stops when its runner receives SIGTERM: the current item is finished, then the run is requeued."""
STOPPED: dict[str, Event] = {"cancel": RunCancelled(), "pause": RunPaused(),
                             REQUEUE: RunRequeued("the runner was stopped")}
_REPORTED_PACKAGES = ("torch", "transformers", "peft", "trl", "bitsandbytes", "ragas", "openai", "streamlit",
                      "sqlalchemy")


def execute_claimed_run(claim: Claim, paths: Paths, make_resources: Callable[..., RunResources] | None = None) -> int:
    """Execute a claimed run to its end; return the exit code (0 also for a run that failed and recorded why)."""
    try:
        return _execute_in(open_store(paths.store_url), claim, paths, make_resources or build_resources)
    except (StoreError, SQLAlchemyError) as error:
        if classify_error(error.__cause__ if isinstance(error, StoreError) and error.__cause__ else error) \
                is not ErrorKind.STORE_GONE:
            raise
        print(f"the store does not answer: {error}", file=sys.stderr, flush=True)
        return EXIT_STORE_GONE


def _execute_in(store: Store, claim: Claim, paths: Paths, make_resources: Callable[..., RunResources]) -> int:
    journal = Journal(store, claim)
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, lambda *_: journal.request_stop(REQUEUE))
    try:
        with heartbeat(store, journal):
            _execute(store, journal, paths, make_resources)
        release(store, claim)
    except LeaseLost:
        return EXIT_LEASE_LOST
    finally:
        store.close()
    return 0


def _execute(store: Store, journal: Journal, paths: Paths, make_resources: Callable[..., RunResources]) -> None:
    claim = journal.claim
    run = find_run(store, claim.run)
    assert run is not None
    folder = paths.run(claim.run)
    journal.append(RunStarted(claim.owner, claim.attempt, versions(), flow_rows(run.config), str(folder),
                              os.environ.get(NODE_VARIABLE, "")))
    try:
        folder.mkdir(parents=True, exist_ok=True)
        history = read_events(store, claim.run)
        files = open_shared_files(paths, journal, run.config.held_out_set)
        if files:
            faults = _retried(partial(files.get, history), journal)
            _report_missing(history, folder, journal, faults)
            if run.config.held_out_set:
                _retried(partial(files.get_test_set, store, paths, run.config.held_out_set), journal)
        resources = make_resources(run.config, claim.run, store, paths, journal)
        resources.plan_index = starting_plan_index(history)
        if resources.batches:
            resources.batches.wait_for_open_batch()
        with files.storing() if files else contextlib.nullcontext():
            PipelineExecutor(run=claim.run, config=run.config, folder=folder, journal=journal, resources=resources,
                             history=history, watch_memory=track_stage_memory, loading_seconds=loading_seconds,
                             store_files=files.store if files else tuple, group=run.group,
                             elsewhere=endpoints_elsewhere(run.config, os.environ.get(VARIABLE, ""))).execute()
    except StopRequested as stop:
        journal.append(STOPPED.get(stop.how, STOPPED["pause"]))  # an unknown request pauses: nothing is lost
    except LeaseLost:
        raise
    except (WaitTooLong, TestHeldBack) as pause:
        journal.append(RunPaused(str(pause), pause.advice))
    except WaitingForBatch as waiting:
        journal.append(RunWaitingForBatch(waiting.batch, waiting.calls, waiting.until))
    except WaitsForReview as waiting_for:
        journal.append(RunWaitingForReview(waiting_for.questions, waiting_for.round))
    except RunAborted as aborted:
        journal.append(RunFailed(aborted.kind, str(aborted), aborted.advice, aborted.trace))
    except InvalidAddress as invalid:
        kind = ErrorKind.ARTIFACT_STORE
        journal.append(RunFailed(kind, str(invalid), RECOVERY[kind].advice, ""))
    except (OSError, SQLAlchemyError) as error:  # disk or store, outside any stage
        kind = classify_error(error)
        if kind is ErrorKind.STORE_GONE:
            raise
        if _has_not_ended(store, claim.run):
            journal.append(RunFailed(kind, str(error), RECOVERY[kind].advice, traceback.format_exc()))


def _retried(get: Callable[[], T], journal: Journal) -> T:
    """Get something from the artifact store, as often as the recovery table allows.

    Raises:
        ArtifactStoreError: it does not answer, after all retries.
        StopRequested: passed on from the journal.
    """
    attempt = 0
    while True:
        try:
            return get()
        except OSError as error:
            attempt += 1
            kind = classify_error(error)
            recovery = RECOVERY[kind]
            if recovery.action is not Action.WAIT or attempt > recovery.retries or \
                    not getattr(error, "retryable", True):
                raise
            wait = retry_delay(error, recovery, attempt)
            journal.append(RecoveryTaken(kind, recovery.action, attempt, wait, str(error)))
            _sleep(journal, wait)


def _report_missing(history: Sequence[Recorded], folder: Path, journal: Journal, faults: Sequence[str]) -> None:
    """Record which finished stages run again, because the artifact store does not have their checkpoints whole."""
    if latest_stored(history) and (missing := missing_checkpoints(history, folder)):
        kind = ErrorKind.CHECKPOINTS_MISSING
        journal.append(RecoveryTaken(kind, RECOVERY[kind].action, journal.claim.attempt, 0.0,
                                     f"{missing}. {'; '.join(faults[:3])}"))


def _has_not_ended(store: Store, run: str) -> bool:
    """Return whether the run is still active: the write that failed may have been committed, and may have ended it."""
    found = find_run(store, run)
    return found is None or found.active


def build_resources(config: RunConfig, run: str, store: Store, paths: Paths, journal: Journal) -> RunResources:
    """Return the teacher, student and judge that a configuration names, each opened on first use."""

    batches = RunBatches(store, journal, config, paths.run(run), partial(_sleep, journal)) if config.teacher_batch \
        else None

    def open_domain() -> Domain:
        return run_knowledge.open_domain(config, paths.documents, lambda progress: resources.report_reading(progress))

    def keep_apart(domain: Domain) -> tuple[Domain, Comparison | None, str]:
        return apart_from_earlier_runs(domain, config, [one for one in all_runs(store) if one.id != run], paths)

    def open_teacher() -> Teacher:
        from runner.teacher import open_teacher

        return open_teacher(config, run, store, partial(record_wait, journal), partial(_sleep, journal),
                            on_refused=teacher_refusals(config, journal),
                            batches=batches.queue(TEACHER) if batches else None)

    def open_student(plan_index: int) -> Student:
        from runner.student import open_student

        return open_student(config, paths.models, plan_index, record_plan)

    def record_plan(info: StudentInfo) -> None:
        resources.plan_index = info.plan_index
        journal.append(memory_plan_event(info))

    def open_judge() -> Judge:
        from runner.judge import open_judge

        return open_judge()

    def open_run_llm_judge() -> LLMJudge | None:
        from runner.judge import open_llm_judge

        return open_llm_judge(config, run, store, partial(record_wait, journal), judge_refusals(config, journal),
                              batches.queue(JUDGE) if batches else None)

    resources = RunResources(open_domain, open_teacher, open_student, open_judge, open_llm_judge=open_run_llm_judge,
                             batches=batches, keep_apart=keep_apart)
    return resources


def record_wait(journal: Journal, seconds: float, error: Exception) -> None:
    """Record that a call to a teacher or judge waits; raises StopRequested after a cancel or pause."""
    journal.check_stop()
    journal.append(RecoveryTaken(classify_error(error), Action.WAIT, 1, seconds, str(error)))


def record_refusal(journal: Journal, role: str, model: str, base_url: str | None, effort: str,
                   refused: RefusedOption) -> None:
    """Record that the endpoint of a teacher or judge refuses a request option.

    Args:
        role: `teacher` or `judge`.
        base_url: None is the OpenAI API.
        effort: the setting of the reasoning effort.
    """
    from runner.llm.credentials import OPENAI_ADDRESS
    from runner.llm.redaction import redact_url
    from runner.llm.reasoning_effort import effort_to_send

    journal.append(EndpointOptionRefused(role, model, redact_url(base_url or OPENAI_ADDRESS),
                                         effort_to_send(effort, model) or "", refused.option, refused.sent_instead,
                                         refused.message))


def teacher_refusals(config: RunConfig, journal: Journal) -> Callable[[RefusedOption], None]:
    """Return what records the refusals of a configuration's teacher."""
    return partial(record_refusal, journal, "teacher", config.teacher, config.teacher_base_url, config.teacher_effort)


def judge_refusals(config: RunConfig, journal: Journal) -> Callable[[RefusedOption], None]:
    """Return what records the refusals of a configuration's judge."""
    return partial(record_refusal, journal, "judge", config.judge, config.judge_base_url, config.judge_effort)


def _sleep(journal: Journal, seconds: float) -> None:
    """Sleep in short pieces; raises StopRequested as soon as the heartbeat has seen a stop request."""
    until = time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0:
        journal.check_stop()
        time.sleep(min(left, 0.25))


def memory_plan_event(info: StudentInfo) -> Event:
    """Return the event that records how the student was loaded: device, precision, batch size, memory plan."""
    return PlanChosen(device=info.device, precision=info.precision, batch_size=info.batch_size, threads=info.threads,
                      reason=info.precision_reason, student=info.name, parameters=info.parameters, weights=info.weights,
                      rung=info.plan_index)


def versions() -> dict[str, str]:
    """Return the versions of Python and of the main packages."""
    found = {"python": platform.python_version()}
    for package in _REPORTED_PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            found[package] = "not installed"
    return found


@contextlib.contextmanager
def heartbeat(store: Store, journal: Journal) -> Iterator[None]:
    """Renew the lease and read stop requests in a background thread, while the block runs."""
    over = threading.Event()
    thread = threading.Thread(target=_run_heartbeat, args=(store, journal, over), daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _run_heartbeat(store: Store, journal: Journal, over: threading.Event) -> None:
    beats = 0
    while not over.wait(LEASE_CHECK_SECONDS):
        beats += 1
        try:
            journal.flush_due()
            if beats % RENEW_EVERY_CHECKS == 0 and not renew(store, journal.claim):
                raise LeaseLost(journal.claim.run)
        except SQLAlchemyError:
            continue  # the store may be back at the next heartbeat, and the lease lasts for several
        except LeaseLost:
            os._exit(EXIT_LEASE_LOST)  # another runner has this run; further work here would interfere
