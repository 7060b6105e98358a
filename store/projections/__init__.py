"""How each event changes the read models, in the event's own transaction; and the rebuild from nothing.

One function a kind, in a file a subject, found through `APPLY`. What comes in long series is written together: through
`ROWS` where an event is one row of one table, through `LATEST` where it covers all that those before it said. An event
without an entry changes no read model. A projection reads and changes rows of its own stream of events alone, so that
streams can be replayed one after the other.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, delete, select

from store import schema
from store import events as happened
from store.events import Recorded
from store.events.envelope import UnknownEvent
from store.projections import (
    answers, comparisons, control_arms, judging, questions, ratings_and_tags, runs, schedules, stages,
)
from store.projections.row_updates import Apply, Rows, insert_rows

APPLY: dict[type[happened.Event], Apply] = {
    kind: apply
    for subject in (runs, stages, questions, answers, comparisons, control_arms, schedules, ratings_and_tags, judging)
    for kind, apply in subject.APPLY.items()
}


ROWS: dict[type[happened.Event], Rows] = {**stages.ROWS}
LATEST: dict[type[happened.Event], Apply] = {**stages.LATEST}
_IN_SERIES = {*ROWS, *LATEST}
_AT_ONCE = 1000


def project(connection: Connection, recorded: Sequence[Recorded]) -> None:
    """Apply events to the read models, in order; a series goes there together, before the next other event does."""
    series: dict[type[happened.Event], list[Recorded]] = {}
    for one in recorded:
        kind = type(one.event)
        if kind in _IN_SERIES:
            series.setdefault(kind, []).append(one)
        elif kind in APPLY:
            _write_series(connection, series)
            APPLY[kind](connection, one, one.event)
    _write_series(connection, series)


def _write_series(connection: Connection, series: dict[type[happened.Event], list[Recorded]]) -> None:
    """Write what has gathered, and gather anew. Series touch no row of one another's, so their order is free."""
    for kind, some in series.items():
        if kind in ROWS:
            table, row_of = ROWS[kind]
            insert_rows(connection, table, [row_of(one, one.event) for one in some])
        else:
            for last in {one.run: one for one in some}.values():
                LATEST[kind](connection, last, last.event)
    series.clear()


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
    return Recorded(row.run, row.seq, row.cycle, row.stage, row.at, event)
