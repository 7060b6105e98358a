"""Look after the batches on their way: their progress, their results, and the runs that wait for them.

A batch is looked after for as long as the server works on it, whatever its run does meanwhile: what was done of it is
paid, so its replies are stored. Nothing here holds a run: several runners may look at the same batch, and the first to
store its results ends it.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from sqlalchemy.exc import SQLAlchemyError

from runner.llm.batch_file import Replies, read_replies
from runner.llm.errors import TeacherError
from runner.pipeline.batch_sender import LISTING_SECONDS
from runner.pipeline.recovery import RECOVERY, Action, ErrorKind, classify_error
from runner.service.runner_log import log_event
from store.costs.batch_results import BatchOutcome, append_of_batch, continue_run, record_outcome
from store.costs.llm_calls import LLMCall
from store.database import Store
from store.events import BatchProgressed, BatchSent, RecoveryTaken, RunPaused, RunRequeued
from store.formatting import plural
from store.queries import Batch, awaited_batch, find_run, open_batches, waiting_runs

if TYPE_CHECKING:
    from runner.llm.batch_endpoint import BatchEndpoint, ServerBatch

POLL_SECONDS = 30.0
"""How often each batch is looked up; a batch takes minutes to hours."""
REQUEST_SECONDS = 30.0
"""How long a server may be silent."""
NEVER_SENT_SECONDS = 120.0
"""A planned batch that the server does not list this long afterwards will not be created any more."""
_WORKING = ("queued", "running", "lost")
"""States of a run whose worker sends what is planned itself."""


@dataclass
class BatchPoller:
    """Looks up the open batches of all runs, or of one."""

    store: Store
    only: str | None = None
    every_seconds: float = POLL_SECONDS
    clock: Callable[[], float] = time.monotonic
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    _polled_at: float | None = None
    _missed: dict[str, datetime] = field(default_factory=dict)
    """When a batch without a server's id was first looked for in vain."""
    _reported: set[tuple[str, str]] = field(default_factory=set)
    """Batches and error messages that are on record already."""

    def poll_when_due(self) -> None:
        """Poll if the interval is over; for loops that come by more often. A failing store is tried again then."""
        now = self.clock()
        if self._polled_at is None or now - self._polled_at >= self.every_seconds:
            self._polled_at = now
            try:
                self.poll()
            except SQLAlchemyError as error:
                log_event("batches not looked up", logging.WARNING, error=str(error))

    def poll(self) -> None:
        """Look up every open batch once, and queue the runs that wait for none any more."""
        for batch in self._open_batches():
            try:
                self._look_up(batch)
            except TeacherError as error:
                self._report(batch, error)
        for run in waiting_runs(self.store):
            if self.only in (None, run):
                self._continue(run)

    def _open_batches(self) -> list[Batch]:
        """The open batches of all runs, or of one with another run's that it waits for."""
        found = open_batches(self.store, self.only)
        awaited = awaited_batch(self.store, self.only) if self.only else None
        return [*found, awaited] if awaited and awaited.run != self.only and awaited.ended_at is None else found

    def _look_up(self, batch: Batch) -> None:
        run = find_run(self.store, batch.run)
        if batch.server_id is None:
            if run is None or run.work not in _WORKING:
                self._find_unrecorded(batch)
            return
        from runner.llm.batch_endpoint import open_batch_endpoint  # late: openai takes a second to import

        endpoint = open_batch_endpoint(batch.model, batch.address, REQUEST_SECONDS)
        found = endpoint.retrieve(batch.server_id)
        unwanted = run is None or run.work == "cancelled"
        if found and not found.ended and unwanted and found.state != "cancelling":
            log_event("batch cancelled", run=batch.run, batch=batch.batch, server_id=batch.server_id)
            found = endpoint.cancel(batch.server_id) or endpoint.retrieve(batch.server_id)
        if found is None:
            self._end(batch, BatchOutcome("lost", batch.completed, batch.failed, batch.total,
                                          message=f"{batch.address} does not know {batch.server_id} any more"))
        elif found.ended:
            self._end(batch, self._outcome(batch, endpoint, found))
        else:
            self._record_progress(batch, found)

    def _find_unrecorded(self, batch: Batch) -> None:
        """A batch that was planned by a worker that is gone: it may have been created all the same."""
        from runner.llm.batch_endpoint import open_batch_endpoint  # late: openai takes a second to import

        found = open_batch_endpoint(batch.model, batch.address, REQUEST_SECONDS).find(batch.batch, batch.planned_at)
        if found:
            append_of_batch(self.store, batch, BatchSent(batch.batch, found.id, found.expires_at))
            return
        missed = self._missed.setdefault(batch.batch, self.now())
        planned_for = (self.now() - batch.planned_at).total_seconds()
        missed_for = (self.now() - missed).total_seconds()
        if planned_for > NEVER_SENT_SECONDS and missed_for >= LISTING_SECONDS:
            self._end(batch, BatchOutcome("never sent", 0, 0, batch.total))

    def _outcome(self, batch: Batch, endpoint: BatchEndpoint, found: ServerBatch) -> BatchOutcome:
        """Download the output file and the error file."""
        text = "\n".join(endpoint.content(file) for file in found.files)
        replies = read_replies(text, batch.address)
        asked = {call.key for call in batch.calls}
        return BatchOutcome(found.state, found.completed, found.failed, found.total or batch.total,
                            _calls(batch, replies), [line for key, line in replies.failures.items() if key in asked],
                            found.message)

    def _end(self, batch: Batch, outcome: BatchOutcome) -> None:
        if record_outcome(self.store, batch, outcome):
            log_event("batch ended", logging.INFO if outcome.state == "completed" else logging.WARNING, run=batch.run,
                      batch=batch.batch, state=outcome.state, replies=len(outcome.calls), of=outcome.total,
                      **({"message": outcome.message} if outcome.message else {}))

    def _record_progress(self, batch: Batch, found: ServerBatch) -> None:
        known = (batch.state, batch.completed, batch.failed)
        if known != (found.state, found.completed, found.failed):
            append_of_batch(self.store, batch, BatchProgressed(
                batch.batch, found.state, found.completed, found.failed, found.total or batch.total,
                found.expires_at))

    def _continue(self, run: str) -> None:
        """Queue a run whose batch has ended; where the server rejected the batch, the run pauses with its words.

        A run that waited for another run's batch is queued in any case, and sends what that one left unanswered.
        """
        last = awaited_batch(self.store, run)
        if last is None:
            if continue_run(self.store, run, RunRequeued("the batch it waited for is gone")):
                log_event("run queued: its batch is gone", run=run)
            return
        if last.ended_at is None:
            return
        event: RunPaused | RunRequeued = RunRequeued(f"the batch it waited for has ended ({last.state})")
        if last.state == "failed" and last.run == run:
            event = RunPaused(f"{last.address} rejects the batch of {plural(last.total, 'call')} to the {last.role} "
                              f"({last.message or 'no reason is given'})", RECOVERY[ErrorKind.BATCH_REFUSED].advice)
        if continue_run(self.store, run, event):
            log_event("run paused: its batch was rejected" if last.state == "failed" else "run queued: its batch ended",
                      run=run, batch=last.batch)

    def _report(self, batch: Batch, error: TeacherError) -> None:
        """Record and log once that a batch cannot be looked up; it is tried again at the next poll."""
        if (batch.batch, str(error)) in self._reported:
            return
        self._reported.add((batch.batch, str(error)))
        log_event("batch not looked up", logging.WARNING, run=batch.run, batch=batch.batch, error=str(error))
        append_of_batch(self.store, batch, RecoveryTaken(classify_error(error), Action.WAIT, 1, self.every_seconds,
                                                         str(error)))


def _calls(batch: Batch, replies: Replies) -> list[LLMCall]:
    """The replies to calls of this batch, as they are stored."""
    return [LLMCall(call.key, batch.run, batch.model, call.purpose,
                    json.dumps(asdict(replies.completions[call.key])), replies.completions[call.key].prompt_tokens,
                    replies.completions[call.key].completion_tokens, replies.completions[call.key].reasoning_tokens,
                    batch.batch)
            for call in batch.calls if call.key in replies.completions]
