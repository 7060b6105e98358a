"""Update the read models for each event, in the event's own transaction.

One function per event kind, a file per subject, found through `APPLY`. Frequent kinds are written in batches: through
`ROWS` where an event is one row of one table, through `LATEST` where each event of a stage supersedes those before it.
An event without an entry changes no read model. A projection reads and changes only rows of its own event stream, so
that streams can be replayed one after the other.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection

from store import events
from store.events import Recorded
from store.events.envelope import UnknownEvent
from store.projections import (
    answers, batches, comparisons, control_arms, forecasts, judging, questions, ratings_and_tags, runs, schedules,
    stages,
)
from store.projections.row_updates import Apply, Rows, insert_rows

APPLY: dict[type[events.Event], Apply] = {
    kind: apply
    for subject in (runs, stages, questions, answers, comparisons, control_arms, schedules, ratings_and_tags, judging,
                    batches, forecasts)
    for kind, apply in subject.APPLY.items()
}


ROWS: dict[type[events.Event], Rows] = {**stages.ROWS}
LATEST: dict[type[events.Event], Apply] = {**stages.LATEST}
_BATCHED = {*ROWS, *LATEST}


def project(connection: Connection, recorded: Sequence[Recorded]) -> None:
    """Apply events to the read models, in order; batched kinds are written before the next event of another kind."""
    batches: dict[type[events.Event], list[Recorded]] = {}
    for one in recorded:
        kind = type(one.event)
        if kind in _BATCHED:
            batches.setdefault(kind, []).append(one)
        elif kind in APPLY:
            _write_batches(connection, batches)
            APPLY[kind](connection, one, one.event)
    _write_batches(connection, batches)


def _write_batches(connection: Connection, batches: dict[type[events.Event], list[Recorded]]) -> None:
    """Write and clear the batches. Batched kinds never touch the same row, so their order does not matter."""
    for kind, batch in batches.items():
        if kind in ROWS:
            table, row_of = ROWS[kind]
            insert_rows(connection, table, [row_of(one, one.event) for one in batch])
        else:
            for last in {(one.run, one.cycle, one.stage): one for one in batch}.values():
                LATEST[kind](connection, last, last.event)
    batches.clear()


def recorded_from(row: Any) -> Recorded:
    """Decode a row of the events table.

    Raises:
        UnknownEvent: this version does not know its kind; the message names the row.
    """
    try:
        event = events.from_json(row.kind, row.payload)
    except UnknownEvent as error:
        raise UnknownEvent(f"{error} in run {row.run} (number {row.seq}): use the newer program that wrote it"
                           ) from error
    return Recorded(row.run, row.seq, row.cycle, row.stage, row.at, event)
