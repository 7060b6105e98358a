"""Write helpers for projections: upserts, and updates of an event's run, cycle and stage rows by their keys."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from sqlalchemy import Connection, Table

from store import schema
from store.database.prepared_statements import insert_rows, update_row, update_rows, upsert
from store.events import Recorded

__all__ = ["Apply", "Rows", "insert_rows", "moment", "set_cycle", "set_run", "set_stage", "stage_key", "update_row",
           "update_rows", "upsert"]

Apply = Callable[[Connection, Recorded, Any], None]
"""Updates the read models for one event, in the event's own transaction."""


class Rows(NamedTuple):
    """How an event becomes one row of one table, so that many events are written with one statement."""

    table: Table
    row_of: Callable[[Recorded, Any], tuple[object, ...]]
    """The values of all columns, in the table's order."""


def moment(recorded: Recorded) -> str:
    """Return the event's time, as the text stored in the tables."""
    return recorded.moment


def set_run(connection: Connection, recorded: Recorded, **values: Any) -> None:
    """Update columns of the event's run."""
    update_row(connection, schema.runs, {"id": recorded.run}, values)


def set_cycle(connection: Connection, recorded: Recorded, **values: Any) -> None:
    """Update columns of the event's cycle."""
    update_row(connection, schema.cycles, {"run": recorded.run, "cycle": recorded.cycle}, values)


def stage_key(recorded: Recorded) -> dict[str, Any]:
    """Return the primary key of the event's stage."""
    return {"run": recorded.run, "cycle": recorded.cycle or 0, "stage": recorded.stage or ""}


def set_stage(connection: Connection, recorded: Recorded, **values: Any) -> None:
    """Update columns of the event's stage."""
    update_row(connection, schema.stages, stage_key(recorded), values)
