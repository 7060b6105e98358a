"""Numbered schema migrations; each step runs in a transaction of its own and records the version it reached.

An empty database gets the current tables at once and counts as fully migrated, so steps run only on databases of
earlier versions. Each step checks before it changes: columns of later versions may exist already, because a step that
creates a table creates its current form.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable

from sqlalchemy import Column, Connection, Integer, MetaData, String, Table, func, insert, inspect, select, text, update
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
    """Drop the stored stream heads, which are computed from the events, and make narrow tables WITHOUT ROWID."""
    _drop_column(connection, "claims", "head_seq")
    _drop_column(connection, "runs", "last_event_id")
    _drop_column(connection, "runs", "last_event_at")
    if connection.dialect.name == "sqlite":
        for table in (schema.events, schema.metrics, schema.scores):
            _rebuild_table(connection, table)
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


def _endpoint_options(connection: Connection) -> None:
    _add_missing_columns(connection, schema.teacher_calls)
    schema.endpoint_options.create(connection, checkfirst=True)


def _batches(connection: Connection) -> None:
    schema.batches.create(connection, checkfirst=True)
    _add_missing_columns(connection, schema.teacher_calls)


def _groups(connection: Connection) -> None:
    _add_missing_columns(connection, schema.runs)
    for index in schema.runs.indexes:
        index.create(connection, checkfirst=True)


def _replacement_and_shares(connection: Connection) -> None:
    for table in (schema.replacements, schema.gain_shares):
        table.create(connection, checkfirst=True)


def _forecasts(connection: Connection) -> None:
    schema.forecasts.create(connection, checkfirst=True)


def _call_claims(connection: Connection) -> None:
    schema.call_claims.create(connection, checkfirst=True)


def _programs(connection: Connection) -> None:
    for table in (schema.api_tokens, schema.event_numbers):
        table.create(connection, checkfirst=True)


def _webhooks(connection: Connection) -> None:
    for table in (schema.webhooks, schema.webhook_outbox):
        table.create(connection, checkfirst=True)


def _cached_prompts(connection: Connection) -> None:
    _add_missing_columns(connection, schema.teacher_calls)


def _verifications(connection: Connection) -> None:
    schema.verifications.create(connection, checkfirst=True)


def _nodes(connection: Connection) -> None:
    schema.nodes.create(connection, checkfirst=True)
    for table in (schema.claims, schema.runs):
        _add_missing_columns(connection, table)


STEPS: tuple[Callable[[Connection], None], ...] = (
    _first_tables, _schedules, _control_arms, _statistics_of_changes, _one_page_an_event, _indexes_of_pages, _remarks,
    _judging, _playground, _pace, _endpoint_options, _batches, _groups,
    _replacement_and_shares, _forecasts, _call_claims, _programs,
    _webhooks, _cached_prompts, _verifications, _nodes)
CURRENT = len(STEPS)


def _add_missing_columns(connection: Connection, table: Table) -> None:
    """Add the columns that a table of an earlier version lacks; existing rows get a column's default, or NULL."""
    existing = _columns(connection, table.name)
    for column in table.columns:
        if column.name not in existing:
            kind = column.type.compile(connection.dialect)
            connection.exec_driver_sql(f'ALTER TABLE "{table.name}" ADD COLUMN "{column.name}" {kind}')
            if isinstance(column.default, ScalarElementColumnDefault):
                connection.execute(update(table).values({column.name: column.default.arg}))


def _drop_column(connection: Connection, table: str, column: str) -> None:
    """Drop a column if it exists."""
    if column in _columns(connection, table):
        connection.execute(text(f'ALTER TABLE "{table}" DROP COLUMN "{column}"'))


def version_of(connection: Connection) -> int:
    """Return the schema version, which is the number of steps applied; 0 for an empty database."""
    if not inspect(connection).has_table(_version.name):
        return 0
    return max(connection.execute(select(_version.c.version)).scalars(), default=0)


def made_at(connection: Connection) -> str:
    """Return when the database got its first tables."""
    return str(connection.execute(select(func.min(_version.c.at))).scalar_one())


def refuse_newer(version: int) -> None:
    """Raise SchemaTooNew for a version that is newer than this program."""
    if version > CURRENT:
        raise SchemaTooNew(version, CURRENT)


def migrate(transaction: Transaction, keep_copy: Callable[[int], None] = lambda version: None) -> int:
    """Apply the pending steps, each in a transaction with its version row; return how many were applied.

    Safe when another process migrates at the same time: each transaction reads the version again. `keep_copy` is called
    with the old version before the first step changes anything, while no other process can write.

    Raises:
        SchemaTooNew: the database is newer than this program.
    """
    count = 0
    while _one_step(transaction, keep_copy if count == 0 else lambda version: None):
        count += 1
    return count


def _one_step(transaction: Transaction, keep_copy: Callable[[int], None]) -> bool:
    """Apply the next step, or create everything in an empty database; False when none is left."""
    with transaction() as connection:
        if connection.dialect.name == "postgresql":  # SQLite's write transaction is exclusive already
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


def _rebuild_table(connection: Connection, table: Table) -> None:
    """Recreate a table in its current form and copy its rows: SQLite cannot change how an existing table is stored."""
    before = f"{table.name}_before"
    for index in table.indexes:
        index.drop(connection, checkfirst=True)
    connection.execute(text(f'ALTER TABLE "{table.name}" RENAME TO "{before}"'))
    table.create(connection)
    columns = _columns(connection, before)
    shared = ", ".join(f'"{column.name}"' for column in table.columns if column.name in columns)
    connection.execute(text(f'INSERT INTO "{table.name}" ({shared}) SELECT {shared} FROM "{before}"'))
    connection.execute(text(f'DROP TABLE "{before}"'))
