"""Numbered steps from an empty database to this version's tables; each runs in a transaction of its own."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import Column, Connection, Integer, MetaData, String, Table, insert, inspect, select

from store.clock import utc_now
from store.schema import arm_changes, arm_prompts, changes, curve_points, gaps, metadata, schedules

_version = Table("schema_version", MetaData(), Column("version", Integer, primary_key=True), Column("at", String))


class NewerStore(RuntimeError):
    """The database was written by a newer version of this program; nothing was changed."""


def _first_tables(connection: Connection) -> None:
    metadata.create_all(connection)


def _schedules(connection: Connection) -> None:
    schedules.create(connection, checkfirst=True)


def _control_arms(connection: Connection) -> None:
    for table in (arm_prompts, arm_changes, gaps, curve_points):
        table.create(connection, checkfirst=True)


def _statistics_of_changes(connection: Connection) -> None:
    _add_missing_columns(connection, changes)


STEPS: tuple[Callable[[Connection], None], ...] = (_first_tables, _schedules, _control_arms, _statistics_of_changes)
CURRENT = len(STEPS)


def version_of(connection: Connection) -> int:
    """The number of steps that this database has behind it; 0 for an empty one."""
    if not inspect(connection).has_table(_version.name):
        return 0
    return max(connection.execute(select(_version.c.version)).scalars(), default=0)


def refuse_newer(version: int) -> None:
    """Raise NewerStore for a version that this program does not know."""
    if version > CURRENT:
        raise NewerStore(f"the store has schema version {version}, this program knows up to {CURRENT}: "
                         "use the newer program, or another DATA_DIR")


def migrate(connection: Connection) -> int:
    """Run the steps that are still to do, inside the caller's transaction; returns how many there were.

    Raises:
        NewerStore: the database is ahead of this program.
    """
    version = version_of(connection)
    refuse_newer(version)
    _version.create(connection, checkfirst=True)
    for number, step in enumerate(STEPS[version:], start=version + 1):
        step(connection)
        connection.execute(insert(_version).values(version=number, at=utc_now()))
    return CURRENT - version


def _add_missing_columns(connection: Connection, table: Table) -> None:
    """Bring a table of an earlier version up to its columns of now; what is new is NULL in old rows."""
    there = {column["name"] for column in inspect(connection).get_columns(table.name)}
    for column in table.columns:
        if column.name not in there:
            kind = column.type.compile(connection.dialect)
            connection.exec_driver_sql(f"ALTER TABLE {table.name} ADD COLUMN {column.name} {kind}")
