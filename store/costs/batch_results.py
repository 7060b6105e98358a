"""Record what became of a batch: its replies, its bill and its end, in one transaction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from sqlalchemy import select

from store.costs.llm_calls import LLMCall, cost_of, insert_call, run_usage_within
from store.costs.prices import cost_usd
from store.database import Store
from store.event_log.journal import append_without_claim
from store.events import BatchEnded, Event, FailedLine, MetricLogged, RunPaused, RunRequeued
from store.schema import batches, claims, runs

JUDGE = "judge"
WAITING = "waiting-for-batch"


class BatchFacts(Protocol):
    """What is needed of a batch (`store.queries.Batch`)."""

    @property
    def run(self) -> str: ...
    @property
    def batch(self) -> str: ...
    @property
    def role(self) -> str: ...
    @property
    def model(self) -> str: ...
    @property
    def cycle(self) -> int | None: ...
    @property
    def stage(self) -> str | None: ...


@dataclass(frozen=True)
class BatchOutcome:
    """How the server ended a batch."""

    state: str
    """See `BatchEnded`."""
    completed: int
    failed: int
    total: int
    calls: Sequence[LLMCall] = ()
    """Its replies, each with the batch's id."""
    failures: Sequence[FailedLine] = ()
    message: str = ""


def record_outcome(store: Store, batch: BatchFacts, outcome: BatchOutcome) -> bool:
    """Store the replies of a batch, its cost and its end; False if another runner has done so."""
    prompt = sum(call.prompt_tokens or 0 for call in outcome.calls)
    completion = sum(call.completion_tokens or 0 for call in outcome.calls)
    unmetered = any(None in (call.prompt_tokens, call.completion_tokens) for call in outcome.calls)
    cost = None if unmetered else cost_usd(batch.model, prompt, completion, batched=True) if outcome.calls else 0.0
    with store.write() as connection:
        connection.execute(select(claims.c.run).where(claims.c.run == batch.run).with_for_update())
        if connection.execute(select(batches.c.ended_at).where(
                batches.c.run == batch.run, batches.c.batch == batch.batch)).scalar() is not None:
            return False
        recorded = sum(insert_call(connection, call) for call in outcome.calls)
        ended = BatchEnded(batch.batch, outcome.state, recorded, outcome.completed, outcome.failed, outcome.total,
                           prompt, completion, cost, outcome.message, tuple(outcome.failures))
        used = run_usage_within(connection, batch.run, batch.role == JUDGE)
        total_cost = None if used.unmetered else cost_of(batch.model, used)
        usage: list[Event] = [
            MetricLogged(f"{batch.role}_calls", batch.cycle or 0, used.calls, "calls"),
            MetricLogged(f"{batch.role}_tokens", batch.cycle or 0, used.prompt_tokens + used.completion_tokens,
                         "tokens"),
            MetricLogged(f"{batch.role}_cost_usd", batch.cycle or 0, total_cost, "USD")]
        append_without_claim(connection, batch.run, ended, *usage, cycle=batch.cycle, stage=batch.stage)
    return True


def append_of_batch(store: Store, batch: BatchFacts, event: Event) -> None:
    """Append an event of a batch that has not ended; does nothing for one that has."""
    with store.write() as connection:
        connection.execute(select(claims.c.run).where(claims.c.run == batch.run).with_for_update())
        still_open = connection.execute(select(batches.c.batch).where(
            batches.c.run == batch.run, batches.c.batch == batch.batch, batches.c.ended_at.is_(None))).scalar()
        if still_open:
            append_without_claim(connection, batch.run, event, cycle=batch.cycle, stage=batch.stage)


def continue_run(store: Store, run: str, event: RunRequeued | RunPaused) -> bool:
    """Queue a run that waits and has no open batch, or pause it; False where it does not wait, or has one."""
    with store.write() as connection:
        connection.execute(select(claims.c.run).where(claims.c.run == run).with_for_update())
        work = connection.execute(select(runs.c.work).where(runs.c.id == run)).scalar()
        still_open = connection.execute(select(batches.c.batch).where(
            batches.c.run == run, batches.c.ended_at.is_(None)).limit(1)).scalar()
        if work != WAITING or still_open:
            return False
        append_without_claim(connection, run, event)
    return True
