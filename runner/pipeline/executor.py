"""Run the pipeline (`runner/pipeline/pipeline.py`) stage by stage, and resume a run from where it stopped.

For every step that `schedule.py` gives: skip it if it is finished (its event is in the store and its checkpoint
matches); otherwise run the stage, write its artifact atomically, then record its events in the store. Resuming is this
same loop.
"""

from __future__ import annotations

import sys
import threading
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from runner.llm.errors import CallPostponed, WaitingForBatch
from runner.pipeline.stage_checkpoints import Artifact, Header, files_intact, quarantine, read_artifact, write_artifact
from runner.pipeline.pipeline import OPENS_TEST, StageRun, StageSpec, inputs_of, steps
from runner.pipeline.recovery import RECOVERY, Action, ErrorKind, classify_error, retry_delay
from runner.pipeline.resources import RunResources
from runner.pipeline.run_knowledge import domain_of_run
from runner.pipeline.schedule import BESIDE_DEVICE, Schedule, occupied_by, occupied_by_judging
from runner.pipeline.stage_context import StageContext, WaitsForReview
from store.analysis.earlier_documents import COPY
from store.event_log.journal import Journal, LeaseLost, StopRequested
from store.events import (
    CycleStarted, Event, ForecastRegistered, KnowledgeRead, MetricLogged, Recorded, RecoveryTaken,
    SettingsChosen, StageFailed, StageFinished, StageStarted,
)
from store.files import sha256_of
from store.program_name import NAME
from store.run_config import RunConfig, to_json


class RunAborted(Exception):
    """A stage failed and has no fallback: the run fails, with error kind, message and advice."""

    def __init__(self, kind: ErrorKind, message: str, trace: str) -> None:
        super().__init__(message)
        self.kind = kind
        self.trace = trace

    @property
    def advice(self) -> str:
        return RECOVERY[self.kind].advice


class WaitTooLong(Exception):
    """An endpoint asks for a longer wait than the run may wait: it pauses, and finished work is kept."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.advice = "Resume the run then, or raise max_wait_seconds in a new one."


class TestHeldBack(Exception):
    """The run goes on with its test when the settings of its group have been chosen; until then it pauses."""

    def __init__(self, group: str) -> None:
        super().__init__(f"It holds its test back until the settings of group {group} are chosen on the development "
                         "questions.")
        self.advice = f"When all runs of the group have paused here: {NAME} choose {group}"


@dataclass
class PipelineExecutor:
    """Execution of one run by the holder of its claim."""

    run: str
    config: RunConfig
    folder: Path
    journal: Journal
    resources: RunResources
    history: Sequence[Recorded]
    """The run's events so far; only the request on a first attempt."""
    watch_memory: Callable[[], Callable[[], Mapping[str, float]]] = lambda: dict
    """Called when a stage begins; the returned function is called when it ends, and gives its memory use in bytes."""
    loading_seconds: Callable[[], float] = lambda: 0.0
    """Seconds that the calling thread has spent on loading models and their libraries so far."""
    sleep: Callable[[float], None] = time.sleep
    store_files: Callable[[], Sequence[Event]] = tuple
    """Stores the run's files where other hosts find them, and returns what is to be recorded of it."""
    group: str = ""
    """Name of the run's group; empty for a run of its own, which holds nothing back."""
    elsewhere: frozenset[str] = frozenset()
    """Which endpoints other stages need not wait for, as `schedule.py` says."""
    artifacts: dict[tuple[str, int], Artifact] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._finished = {(item.stage, item.cycle): item.event.sha256 for item in self.history
                          if isinstance(item.event, StageFinished)}
        self._cycle_started_at = {item.cycle: item.at.timestamp() for item in reversed(self.history)
                                  if isinstance(item.event, CycleStarted)}
        self.resources.open_domain = partial(domain_of_run, self.resources.open_domain, self.folder / COPY,
                                             self._knowledge_read, self.journal.append, self.resources.apart)
        self._schedule = Schedule(list(steps(self.config)), self.config, self.elsewhere)
        self._one_at_a_time = threading.Lock()
        """Held to begin a cycle, and to record that a stage has finished."""
        self._ends: list[BaseException] = []
        """What ended the run, first: stages beside it end by the request to stop that follows."""
        self._run_started_at = min((item.at.timestamp() for item in self.history), default=time.time())

    def execute(self) -> None:
        """Run every step that is not finished yet.

        Raises:
            RunAborted: a stage failed for good and has no fallback.
            WaitTooLong: an endpoint asks for a longer wait than the run's bound.
            TestHeldBack: the settings of the run's group are not chosen yet.
            WaitingForBatch: the run cannot go on before a batch has ended.
            WaitsForReview: the run cannot go on before people have reviewed its questions.
            StopRequested, LeaseLost: passed on from the journal.
        """
        beside = BESIDE_DEVICE if self._schedule.side_by_side else 0
        try:
            with ThreadPoolExecutor(max(1, beside), "stage") as threads:
                for _ in range(beside):
                    threads.submit(self._execute_steps, False).add_done_callback(
                        lambda ended: self._end_run(ended.exception()))
                try:
                    self._execute_steps(on_device=True)  # in this thread: models are loaded and trained here
                finally:
                    self._end_run(sys.exception())
        finally:
            if self._ends:
                raise self._ends[0]

    def _execute_steps(self, on_device: bool) -> None:
        """Run stages until none is left, or the run ends."""
        while step := self._schedule.next(on_device):
            self.artifacts[step.row.stage, step.cycle] = self._execute_step(step)
            self._schedule.ended(step)

    def _end_run(self, error: BaseException | None) -> None:
        """After an error, let no stage begin any more, and those that run stop at their next item."""
        if error is not None:
            self._ends.append(error)
            self._schedule.stop()
            if self._schedule.side_by_side:
                self.journal.request_stop("the run ends")

    def _execute_step(self, step: StageRun) -> Artifact:
        if step.row.stage == OPENS_TEST and self._holds_test():
            raise TestHeldBack(self.group)
        with self._one_at_a_time:
            if step.cycle and step.cycle not in self._cycle_started_at:
                self.journal.append(CycleStarted(), cycle=step.cycle)
                self._cycle_started_at[step.cycle] = time.time()
        return self._finished_artifact(step) or self._run_stage(step)

    def _holds_test(self) -> bool:
        return bool(self.group) and self.config.hold_test and not any(
            isinstance(item.event, SettingsChosen) for item in self.history)

    def _finished_artifact(self, step: StageRun) -> Artifact | None:
        """Return the artifact of a finished step: one that the store knows, or an intact file that is adopted now.

        A file that does not match is quarantined, and the stage runs again.
        """
        path, header = self._path(step), self._header(step)
        artifact = read_artifact(path)
        if artifact is None or artifact.header != header or not files_intact(artifact, self.folder):
            quarantine(path)
            return None
        if self._finished.get((step.row.stage, step.cycle)) == artifact.sha256:
            return artifact
        if (step.row.stage, step.cycle) in self._finished:  # not the file that was recorded
            quarantine(path)
            return None
        self._record_finished(step, artifact, 0.0, {}, adopted=True)
        return artifact

    def _run_stage(self, step: StageRun) -> Artifact:
        began, loading, memory = time.monotonic(), self.loading_seconds(), self.watch_memory()
        self.journal.append(StageStarted(step.row.doer), cycle=step.cycle, stage=step.row.stage)
        context = self._context(step)
        events = self._run_with_retries(step, context)
        self.journal.flush()  # raises if the claim was lost meanwhile: files have no fencing token
        artifact = write_artifact(self._path(step), context.header, events)
        self._record_finished(step, artifact, time.monotonic() - began, memory(), adopted=False,
                              loading=self.loading_seconds() - loading)
        context.partial_results().remove()
        return artifact

    def _run_with_retries(self, step: StageRun, context: StageContext) -> Sequence[Event]:
        """Return the stage's events, after as many retries as the recovery table allows; else those of its fallback."""
        attempt, loading_error = 0, None
        while True:
            try:
                return self._run_once(step.row, context)
            except (StopRequested, LeaseLost, WaitingForBatch, WaitsForReview):
                raise
            except Exception as error:  # the one broad except: every error is classified by the recovery table
                if classify_error(error) is ErrorKind.STORE_GONE:
                    raise  # no fault of the stage: it runs again when the store answers
                attempt += 1
                if classify_error(error) is ErrorKind.MODEL_LOADING:
                    loading_error = error
                if not self._recover(error, attempt, context):
                    # If loading failed with every plan, report the loading error, not that no plan is left.
                    no_plan_left = classify_error(error) in (ErrorKind.NO_SMALLER_PLAN, ErrorKind.INSUFFICIENT_MEMORY)
                    return self._run_fallback(step.row, context,
                                              loading_error if loading_error and no_plan_left else error)
                self._schedule.occupy(step, occupied_by(step, self.elsewhere), self.journal.check_stop)

    def _run_once(self, row: StageSpec, context: StageContext) -> Sequence[Event]:
        """Return the stage's events; where it postponed calls, send them as a batch.

        Raises:
            WaitingForBatch: the batch was sent; the stage runs again when its replies are stored.
        """
        while True:
            try:
                return row.run(context)
            except CallPostponed:
                if self.resources.batches is None:
                    raise
                self.resources.batches.send(context.cycle, context.stage)

    def _recover(self, error: Exception, attempt: int, context: StageContext) -> bool:
        """Apply the recovery table to an error; return False when the stage has failed for good.

        Raises:
            WaitTooLong: the endpoint's rate limit lasts longer than the run may wait.
        """
        kind = classify_error(error)
        recovery = RECOVERY[kind]
        most = self.config.max_wait_seconds
        if kind is ErrorKind.RATE_LIMIT and (getattr(error, "wait_seconds", None) or 0) > most:
            raise WaitTooLong(f"{error}. A run waits for {most:,.0f} s at most") from error
        repeatable = getattr(error, "retryable", True)
        if recovery.action is Action.GIVE_UP or attempt > recovery.retries or not repeatable:
            return False
        wait = retry_delay(error, recovery, attempt)
        self.journal.append(RecoveryTaken(kind, recovery.action, attempt, wait, str(error)),
                            cycle=context.cycle, stage=context.stage)
        if recovery.action in (Action.USE_SMALLER_PLAN, Action.USE_NEXT_SETTINGS):
            self.resources.use_smaller_plan()
        self._wait(wait)
        return True

    def _wait(self, seconds: float) -> None:
        """Sleep in short pieces, so that a cancel takes effect at once."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            self.sleep(min(left, 0.5))
            self.journal.flush()
            self.journal.check_stop()

    def _run_fallback(self, row: StageSpec, context: StageContext, error: Exception) -> Sequence[Event]:
        kind, trace = classify_error(error), "".join(traceback.format_exception(error))
        recovery = RECOVERY[kind]
        self.journal.append(StageFailed(kind, str(error), recovery.advice, trace), cycle=context.cycle,
                            stage=context.stage)
        if row.fallback is None or recovery.fatal:
            raise RunAborted(kind, f"{row.title} failed: {error}", trace) from error
        return row.fallback(context, f"{row.title} failed ({kind}): {error}")

    def _context(self, step: StageRun) -> StageContext:
        return StageContext(
            run=self.run, config=self.config, cycle=step.cycle, stage=step.row.stage,
            inputs={name: self.artifacts[key] for name, key in inputs_of(step, self.config).items()},
            run_folder=self.folder, header=self._header(step), resources=self.resources, recorded=self.history,
            emit=partial(self.journal.append_buffered, cycle=step.cycle, stage=step.row.stage),
            forecast=next((item.event for item in self.history if isinstance(item.event, ForecastRegistered)), None),
            leave_device=partial(self._schedule.occupy, step, occupied_by_judging(self.config, self.elsewhere),
                                 self.journal.check_stop),
            running_seconds=lambda: time.time() - self._run_started_at,
            cycle_seconds=lambda: time.time() - self._cycle_started_at.get(step.cycle, self._run_started_at))

    def _header(self, step: StageRun) -> Header:
        sources = inputs_of(step, self.config)
        hashes = "\n".join(f"{name} {self.artifacts[key].sha256}" for name, key in sorted(sources.items()))
        return Header(self.run, step.cycle, step.row.stage, sha256_of(to_json(self.config).encode()),
                      sha256_of(hashes.encode()))

    def _knowledge_read(self) -> KnowledgeRead | None:
        """Return which documents the run's test was written from; None before it is written."""
        written = list(self.artifacts.values())  # a copy, because other threads add to it
        return next((found for artifact in written if (found := artifact.first(KnowledgeRead))), None)

    def _path(self, step: StageRun) -> Path:
        return self.folder / f"cycle-{step.cycle:02d}" / f"{step.row.stage}.json"

    def _record_finished(self, step: StageRun, artifact: Artifact, seconds: float, memory: Mapping[str, float],
                         adopted: bool, loading: float = 0.0) -> None:
        """Record in one transaction the stage's events, that it finished, its stored files and its memory use."""
        with self._one_at_a_time:
            self._record(step, artifact, seconds, memory, adopted, loading)

    def _record(self, step: StageRun, artifact: Artifact, seconds: float, memory: Mapping[str, float], adopted: bool,
                loading: float) -> None:
        finished = StageFinished(seconds, str(self._path(step).relative_to(self.folder)), artifact.size_bytes,
                                 artifact.sha256, artifact.header.inputs_sha256, adopted, loading)
        metrics = [MetricLogged(key, 0, value, "bytes") for key, value in memory.items()]
        stored = self._stored_files(step)
        self.journal.append(*artifact.events, finished, *stored, *metrics, cycle=step.cycle, stage=step.row.stage)

    def _stored_files(self, step: StageRun) -> Sequence[Event]:
        """Store the run's files before the stage counts as finished, as often as the recovery table allows."""
        attempt = 0
        while True:
            try:
                return self.store_files()
            except OSError as error:
                attempt += 1
                if not self._recover(error, attempt, self._context(step)):
                    kind, trace = classify_error(error), "".join(traceback.format_exception(error))
                    raise RunAborted(kind, f"{step.row.title} is done, and its files could not be stored: {error}",
                                     trace) from error
