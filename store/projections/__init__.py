"""How each event changes the read models, in the event's own transaction; and the rebuild from nothing.

One function a kind, in a file a subject, found through `APPLY`; through `ROWS` where an event is one row of one table.
An event without an entry changes no read model. A projection reads and changes rows of its own stream of events
alone, so that streams can be replayed one after the other.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Connection, delete, select

from store import events as happened
from store import schema
from store.clock import parse
from store.events import Recorded
from store.events.envelope import UnknownEvent
from store.projections import answers, arms, judging, remarks, results, runs, schedules, stages, teaching
from store.projections.writing import Apply, Rows, upsert

APPLY: dict[type[happened.Event], Apply] = {
    kind: apply for subject in (runs, stages, teaching, answers, results, arms, schedules, remarks, judging)
    for kind, apply in subject.APPLY.items()
}


ROWS: dict[type[happened.Event], Rows] = {**stages.ROWS}
_AT_ONCE = 1000


def project(connection: Connection, recorded: Sequence[Recorded]) -> None:
    """Apply events to the read models, in order; neighbours that only fill the same table go there together."""
    for kind, some in _neighbours(recorded):
        if kind in ROWS:
            table, row_of = ROWS[kind]
            upsert(connection, table, [row_of(one, one.event) for one in some])
        elif kind in APPLY:
            for one in some:
                APPLY[kind](connection, one, one.event)


def _neighbours(recorded: Sequence[Recorded]) -> Iterable[tuple[type[happened.Event], Iterable[Recorded]]]:
    if len(recorded) == 1:
        return ((type(recorded[0].event), recorded),)
    return itertools.groupby(recorded, _kind)


def _kind(recorded: Recorded) -> type[happened.Event]:
    return type(recorded.event)


def rebuild(connection: Connection) -> int:
    """Empty every read model and replay all events; returns how many there were."""
    for table in schema.READ_MODELS:
        connection.execute(delete(table))
    count = 0
    rows = connection.execute(select(schema.events).order_by(schema.events.c.run, schema.events.c.seq),
                              execution_options={"yield_per": _AT_ONCE})
    for part in rows.partitions():
        project(connection, [recorded_from(row) for row in part])
        count += len(part)
    return count


def recorded_from(row: Any) -> Recorded:
    """An events row as the event that it holds.

    Raises:
        UnknownEvent: its kind is not known here; the message names the row.
    """
    try:
        event = happened.from_json(row.kind, row.payload)
    except UnknownEvent as error:
        raise UnknownEvent(f"{error} in run {row.run} (number {row.seq}): use the newer program that wrote it"
                           ) from error
    return Recorded(row.run, row.seq, row.cycle, row.stage, parse(row.at), event)
