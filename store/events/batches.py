"""Events of batches: calls to a model that are sent as one file and answered within a day, at a lower price."""

from __future__ import annotations

from dataclasses import dataclass

from store.events.event_type import Event


@dataclass(frozen=True)
class BatchedCall:
    """One call of a batch."""

    key: str
    """Cache key of the call, and its `custom_id` in the file."""
    purpose: str
    item: str


@dataclass(frozen=True)
class BatchPlanned(Event, event_type="BatchPlanned"):
    """A batch is about to be uploaded. Recorded before the upload, so that a kill cannot hide a batch that is paid."""

    batch: str
    """Our own id, in the server's metadata of the batch and in the name of its file."""
    role: str
    """`teacher` or `judge`."""
    model: str
    address: str
    path: str
    """The file of requests, relative to the run's folder."""
    sha256: str
    """Hash of that file."""
    calls: tuple[BatchedCall, ...]
    estimated_cost_usd: float | None
    """Upper bound at batch prices; None where the model's batch price is not known."""


@dataclass(frozen=True)
class BatchSent(Event, event_type="BatchSent"):
    """The server has the batch."""

    batch: str
    server_id: str
    expires_at: str | None
    """The latest time at which it ends; None where the server states none."""


@dataclass(frozen=True)
class BatchProgressed(Event, event_type="BatchProgressed"):
    """The server reports another state, or other counts, of a batch."""

    batch: str
    state: str
    """The server's word: `validating`, `in_progress`, `finalizing`, `cancelling` ..."""
    completed: int
    failed: int
    total: int
    expires_at: str | None = None


@dataclass(frozen=True)
class FailedLine:
    """A call of a batch that has no reply."""

    key: str
    status: int | None
    """HTTP status of the call; None where it was not made."""
    code: str
    message: str
    """The server's own words."""
    param: str = ""


@dataclass(frozen=True)
class BatchEnded(Event, event_type="BatchEnded"):
    """A batch has ended, and its replies are stored: recorded in the same transaction."""

    batch: str
    state: str
    """`completed`, `expired`, `cancelled`, `failed` (the server rejects the file), `refused` (it was never created),
    `lost` (the server does not know it any more) or `never sent`."""
    recorded: int
    """Replies that were stored."""
    completed: int
    failed: int
    total: int
    prompt_tokens: int
    completion_tokens: int
    cost_usd: float | None
    """At batch prices; None where unknown."""
    message: str = ""
    """The server's own words, where it rejects the batch."""
    failures: tuple[FailedLine, ...] = ()
    """Calls that were made and failed; those that were not made are asked again."""


@dataclass(frozen=True)
class RunWaitingForBatch(Event, event_type="RunWaitingForBatch"):
    """The run waits until a batch has ended, without a worker process or a device."""

    batch: str
    calls: int
    until: str | None
    """The latest time at which the batch ends; None where the server states none."""
