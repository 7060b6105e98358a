"""How projections write: insert or overwrite, and the rows of a run, a cycle and a stage by their keys."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import Connection, Table, update
from sqlalchemy.dialects import postgresql, sqlite

from store import schema
from store.events import Recorded

Apply = Callable[[Connection, Recorded, Any], None]
"""Changes the read models for one event, in the event's own transaction."""


def upsert(connection: Connection, table: Table, rows: list[dict[str, Any]]) -> None:
    """Insert rows, or overwrite the columns given where the primary key is there already."""
    if not rows:
        return
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    statement = dialect.insert(table)
    key = [column.name for column in table.primary_key]
    changed = {name: statement.excluded[name] for name in rows[0] if name not in key}
    action = (statement.on_conflict_do_update(index_elements=key, set_=changed) if changed
              else statement.on_conflict_do_nothing(index_elements=key))
    connection.execute(action, rows)


def moment(recorded: Recorded) -> str:
    """When it happened, as the tables hold it."""
    return recorded.at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def set_run(connection: Connection, recorded: Recorded, **values: Any) -> None:
    """Change columns of the event's run."""
    connection.execute(update(schema.runs).where(schema.runs.c.id == recorded.run).values(**values))


def set_cycle(connection: Connection, recorded: Recorded, **values: Any) -> None:
    """Change columns of the event's cycle."""
    cycles = schema.cycles
    connection.execute(update(cycles).where(cycles.c.run == recorded.run, cycles.c.cycle == recorded.cycle)
                       .values(**values))


def stage_key(recorded: Recorded) -> dict[str, Any]:
    """The primary key of the event's stage."""
    return {"run": recorded.run, "cycle": recorded.cycle or 0, "stage": recorded.stage or ""}


def set_stage(connection: Connection, recorded: Recorded, **values: Any) -> None:
    """Change columns of the event's stage."""
    key, stages = stage_key(recorded), schema.stages
    connection.execute(update(stages).where(*(stages.c[name] == value for name, value in key.items()))
                       .values(**values))
