"""Send the calls that a stage postponed as one batch, so that no kill can hide a batch or pay one twice.

The order is what counts: the file is written, the batch is recorded, then it is uploaded and created, then the server's
id is recorded. After a kill in between, the batch is found again at the server by our own id in its metadata, and only
a batch that the server does not list, also not some time later, is created again.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from runner.llm.batch_queue import BatchQueue
from runner.llm.credentials import OPENAI_ADDRESS
from runner.llm.errors import BatchRefused, WaitingForBatch
from runner.llm.response_cache import WAIT_FOR_CALL_SECONDS
from store.costs.call_claims import claim_call, release_call
from store.costs.llm_calls import find_call
from store.database import Store
from store.event_log.journal import Journal, read_events
from store.events import (
    BatchedCall, BatchEnded, BatchPlanned, BatchSent, FailedLine, Recorded, RunCancelled, RunFailed, RunPaused,
)
from store.files import sha256_of, sha256_of_file, write_atomic
from store.queries import Batch, open_batches
from store.run_config import RunConfig

if TYPE_CHECKING:
    from runner.llm.batch_endpoint import BatchEndpoint, ServerBatch

TEACHER, JUDGE = "teacher", "judge"
LISTING_SECONDS = 30.0
"""The longest that a server may take to list a batch that it has created."""


class RunBatches:
    """The batches of one run: collects its calls, sends them, and waits for those on their way."""

    def __init__(self, store: Store, journal: Journal, config: RunConfig, folder: Path,
                 sleep: Callable[[float], None]) -> None:
        """The batches of the journal's run.

        Args:
            folder: the run's own folder, where the files of batches are written.
            sleep: waits so many seconds; may raise to give up.
        """
        self._store, self._journal, self._config, self._folder, self._sleep = store, journal, config, folder, sleep
        self._queues: dict[str, BatchQueue] = {}
        self._failures = failures_in(read_events(store, journal.claim.run))

    def queue(self, role: str) -> BatchQueue:
        """Where the calls of the teacher or of the judge are collected."""
        return self._queues.setdefault(role, BatchQueue(role, self._failures))

    def wait_for_open_batch(self, just_planned: str = "") -> None:
        """Return if no batch of this run is on its way; else send it, if it was only planned, and wait for it.

        Args:
            just_planned: a batch that cannot have been created yet, so that nothing has to be looked for.

        Raises:
            WaitingForBatch: there is one.
            TeacherError: it was planned only, and cannot be sent.
        """
        for batch in open_batches(self._store, self._journal.claim.run):
            until = batch.expires_at.isoformat() if batch.expires_at else None
            if batch.server_id is None:
                until = self._finish_sending(batch, new=batch.batch == just_planned)
                if until == _NOT_TO_BE_SENT:
                    continue
            raise WaitingForBatch(batch.batch, len(batch.calls), until)

    def send(self, cycle: int, stage: str) -> None:
        """Send what was collected, or first what an earlier attempt has planned.

        A call that is in another run's open batch is not sent again: the run waits for that batch. Returns where all
        calls have been answered meanwhile.

        Raises:
            WaitingForBatch: the batch is on its way.
            BatchRefused: the endpoint has no batches, or rejects this one.
            TeacherError: the endpoint cannot be asked now; a repetition goes on with the same batch.
        """
        self.wait_for_open_batch()
        queue = next(queue for queue in self._queues.values() if queue.calls)
        with self._planning_alone(queue):
            others = self._leave_out_what_others_ask(queue)
            batch = self._plan(queue, cycle, stage) if queue.calls else ""
        for collected in self._queues.values():
            collected.clear()
        if batch:
            self.wait_for_open_batch(just_planned=batch)
        for other in others:
            until = other.expires_at.isoformat() if other.expires_at else None
            raise WaitingForBatch(other.batch, len(other.calls), until)

    @contextmanager
    def _planning_alone(self, queue: BatchQueue) -> Iterator[None]:
        """Hold the claim on planning batches of one model, so that no two runs plan the same call at once."""
        run, key = self._journal.claim.run, f"plan a batch to {queue.endpoint.model} at {self._address(queue.role)}"
        while not claim_call(self._store, key, run):
            self._journal.check_stop()
            self._sleep(WAIT_FOR_CALL_SECONDS)
        try:
            yield
        finally:
            release_call(self._store, key, run)

    def _leave_out_what_others_ask(self, queue: BatchQueue) -> list[Batch]:
        """Take out the calls that are in other runs' open batches, or answered by now; return those batches."""
        keys = set(queue.calls)
        others = [batch for batch in open_batches(self._store) if batch.run != self._journal.claim.run
                  and keys & {call.key for call in batch.calls}]
        theirs = {call.key for batch in others for call in batch.calls}
        queue.leave_out({key for key in keys if key in theirs or find_call(self._store, key)})
        return others

    def _plan(self, queue: BatchQueue, cycle: int, stage: str) -> str:
        """Write the file of a batch and record it; return its id."""
        self._journal.check_stop()
        batch = f"batch-{secrets.token_hex(8)}"
        path = f"batches/{batch}.jsonl"
        lines = [queue.endpoint.line(key, request) for key, request in queue.calls.items()]
        content = "".join(f"{line}\n" for line in lines).encode()
        write_atomic(self._folder / path, content)
        calls = tuple(BatchedCall(key, request.purpose, request.item) for key, request in queue.calls.items())
        planned = BatchPlanned(batch, queue.role, queue.endpoint.model, self._address(queue.role), path,
                               sha256_of(content), calls, queue.estimated_usd)
        self._journal.append(planned, cycle=cycle, stage=stage)
        return batch

    def _address(self, role: str) -> str:
        address = self._config.teacher_base_url if role == TEACHER else self._config.judge_base_url
        return address or OPENAI_ADDRESS

    def _finish_sending(self, batch: Batch, new: bool) -> str | None:
        """Upload and create a planned batch, unless the server has it already; returns the time when it expires."""
        from runner.llm.batch_endpoint import open_batch_endpoint  # late: openai takes a second to import

        endpoint = open_batch_endpoint(batch.model, batch.address)
        path = self._folder / batch.path
        try:
            found = None if new else self._find(endpoint, batch)
            if found is None:
                if not path.is_file() or sha256_of_file(path) != batch.sha256:
                    self._end(batch, "never sent", f"its file {batch.path} is gone")
                    return _NOT_TO_BE_SENT
                found = self._create(endpoint, batch, path.read_bytes())
        except BatchRefused as error:
            self._end(batch, "refused", str(error))
            raise
        self._journal.append(BatchSent(batch.batch, found.id, found.expires_at), cycle=batch.cycle, stage=batch.stage)
        return found.expires_at

    def _find(self, endpoint: BatchEndpoint, batch: Batch) -> ServerBatch | None:
        """The batch, if an earlier attempt has created it; looked for again after the time that its listing may take.

        The earlier attempt ended before this one began, so a batch that is not listed by then does not exist.
        """
        found = endpoint.find(batch.batch, batch.planned_at)
        if found is None:
            self._sleep(LISTING_SECONDS)
            found = endpoint.find(batch.batch, batch.planned_at)
        return found

    def _create(self, endpoint: BatchEndpoint, batch: Batch, content: bytes) -> ServerBatch:
        file = endpoint.upload(Path(batch.path).name, content)
        self._journal.flush()  # raises if the claim was lost: only its holder may create what is paid
        self._journal.check_stop()
        return endpoint.create(batch.batch, file, {"run": batch.run, "stage": batch.stage or "",
                                                   "cycle": str(batch.cycle or 0)})

    def _end(self, batch: Batch, state: str, message: str) -> None:
        self._journal.append(BatchEnded(batch.batch, state, 0, 0, 0, len(batch.calls), 0, 0, 0.0, message),
                             cycle=batch.cycle, stage=batch.stage)


_NOT_TO_BE_SENT = ""
"""In place of a time: the batch was given up, because its file is gone."""


def failures_in(history: Sequence[Recorded]) -> dict[str, list[FailedLine | None]]:
    """Return for each key how the run's batches ended for it, since it last stopped: None where the call was not made.

    Keys with a reply are among them; they are not asked again anyway.
    """
    calls: dict[str, tuple[BatchedCall, ...]] = {}
    found: dict[str, list[FailedLine | None]] = {}
    for item in history:
        event = item.event
        if isinstance(event, RunFailed | RunCancelled | RunPaused):
            found.clear()
        elif isinstance(event, BatchPlanned):
            calls[event.batch] = event.calls
        elif isinstance(event, BatchEnded):
            failed = {line.key: line for line in event.failures}
            for call in calls.get(event.batch, ()):
                found.setdefault(call.key, []).append(failed.get(call.key))
    return found
