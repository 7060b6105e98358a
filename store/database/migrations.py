"""Numbered steps from an earlier version's tables to this version's; each runs in a transaction of its own.

An empty database gets today's tables at once and counts as having every step behind it; so steps run on databases of
earlier versions only. A step says what it needs and looks before it changes: what a later version added to a table
may be there already, because steps that make a table make today's.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable

from sqlalchemy import Column, Connection, Integer, MetaData, String, Table, insert, inspect, select, text, update
from sqlalchemy.sql.schema import ScalarElementColumnDefault

from store import schema
from store.database.errors import SchemaTooNew
from store.schema import arm_changes, arm_prompts, changes, curve_points, gaps, metadata, schedules
from store.timestamps import utc_now

_version = Table("schema_version", MetaData(), Column("version", Integer, primary_key=True), Column("at", String))
_MIGRATION_LOCK = 0x57_0E_5
Transaction = Callable[[], contextlib.AbstractContextManager[Connection]]


def _first_tables(connection: Connection) -> None:
    metadata.create_all(connection)


def _schedules(connection: Connection) -> None:
    schedules.create(connection, checkfirst=True)


def _control_arms(connection: Connection) -> None:
    for table in (arm_prompts, arm_changes, gaps, curve_points):
        table.create(connection, checkfirst=True)


def _statistics_of_changes(connection: Connection) -> None:
    _add_missing_columns(connection, changes)


def _one_page_an_event(connection: Connection) -> None:
    """A run's head is what its events say and is kept nowhere else; narrow tables without a second tree of row ids."""
    _drop_column(connection, "claims", "head_seq")
    _drop_column(connection, "runs", "last_event_id")
    _drop_column(connection, "runs", "last_event_at")
    if connection.dialect.name == "sqlite":
        for table in (schema.events, schema.metrics, schema.scores):
            _make_again(connection, table)
    else:
        _drop_column(connection, "events", "id")


def _indexes_of_pages(connection: Connection) -> None:
    for table in (schema.events, schema.questions):
        for index in table.indexes:
            index.create(connection, checkfirst=True)


def _remarks(connection: Connection) -> None:
    _add_missing_columns(connection, schema.runs)
    schema.ratings.create(connection, checkfirst=True)


def _judging(connection: Connection) -> None:
    for table in (schema.judge_audits, schema.judgings, schema.judging_scores, schema.judging_changes):
        table.create(connection, checkfirst=True)


def _playground(connection: Connection) -> None:
    schema.asked.create(connection, checkfirst=True)


def _pace(connection: Connection) -> None:
    _add_missing_columns(connection, schema.runs)


STEPS: tuple[Callable[[Connection], None], ...] = (
    _first_tables, _schedules, _control_arms, _statistics_of_changes, _one_page_an_event, _indexes_of_pages, _remarks,
    _judging, _playground, _pace)
CURRENT = len(STEPS)


def _add_missing_columns(connection: Connection, table: Table) -> None:
    """Bring a table of an earlier version up to its columns of now; old rows have a new column's default, or NULL."""
    there = _columns(connection, table.name)
    for column in table.columns:
        if column.name not in there:
            kind = column.type.compile(connection.dialect)
            connection.exec_driver_sql(f'ALTER TABLE "{table.name}" ADD COLUMN "{column.name}" {kind}')
            if isinstance(column.default, ScalarElementColumnDefault):
                connection.execute(update(table).values({column.name: column.default.arg}))


def _drop_column(connection: Connection, table: str, column: str) -> None:
    """Take a column away, if it is there."""
    if column in _columns(connection, table):
        connection.execute(text(f'ALTER TABLE "{table}" DROP COLUMN "{column}"'))


def version_of(connection: Connection) -> int:
    """The number of steps that this database has behind it; 0 for an empty one."""
    if not inspect(connection).has_table(_version.name):
        return 0
    return max(connection.execute(select(_version.c.version)).scalars(), default=0)


def refuse_newer(version: int) -> None:
    """Raise SchemaTooNew for a version that this program does not know."""
    if version > CURRENT:
        raise SchemaTooNew(version, CURRENT)


def migrate(transaction: Transaction, keep_copy: Callable[[int], None] = lambda version: None) -> int:
    """Run the steps that are still to do, each in a transaction with its version row; returns how many there were.

    Another process may do the same at this moment: each transaction looks again what is left to do. `keep_copy` is
    called with the version that is there before the first step changes it, while nobody else can write.

    Raises:
        SchemaTooNew: the database is ahead of this program.
    """
    count = 0
    while _one_step(transaction, keep_copy if count == 0 else lambda version: None):
        count += 1
    return count


def _one_step(transaction: Transaction, keep_copy: Callable[[int], None]) -> bool:
    """The next step, or all of them at once where there is nothing yet; False when none is left."""
    with transaction() as connection:
        if connection.dialect.name == "postgresql":  # SQLite's transaction is alone already
            connection.execute(text(f"SELECT pg_advisory_xact_lock({_MIGRATION_LOCK})"))
        version = version_of(connection)
        refuse_newer(version)
        if version == CURRENT:
            return False
        if version:
            keep_copy(version)
        _version.create(connection, checkfirst=True)
        STEPS[version](connection)
        reached = version + 1 if version else CURRENT
        connection.execute(insert(_version), [{"version": number, "at": utc_now()}
                                              for number in range(version + 1, reached + 1)])
    return True


def _columns(connection: Connection, table: str) -> set[str]:
    return {column["name"] for column in inspect(connection).get_columns(table)}


def _make_again(connection: Connection, table: Table) -> None:
    """Today's form of a table with yesterday's rows: SQLite cannot change how an existing table is stored."""
    before = f"{table.name}_before"
    for index in table.indexes:
        index.drop(connection, checkfirst=True)
    connection.execute(text(f'ALTER TABLE "{table.name}" RENAME TO "{before}"'))
    table.create(connection)
    columns = _columns(connection, before)
    kept = ", ".join(f'"{column.name}"' for column in table.columns if column.name in columns)
    connection.execute(text(f'INSERT INTO "{table.name}" ({kept}) SELECT {kept} FROM "{before}"'))
    connection.execute(text(f'DROP TABLE "{before}"'))
