"""Compile the statements of the append path once with SQLAlchemy and execute them directly on the driver.

Saves SQLAlchemy's per-call overhead without SQL written by hand for two databases. Works inside any open transaction.
Values are a dictionary by column name or, where speed counts, a tuple in the order of the statement's columns.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from operator import itemgetter
from typing import Any, NamedTuple

from sqlalchemy import Connection, Table, bindparam, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.sql.expression import ClauseElement
from sqlalchemy.sql.schema import ScalarElementColumnDefault

class Statement(NamedTuple):
    """A statement's SQL with positional parameters, which a driver binds several times faster than named ones."""

    text: str
    in_order: Callable[[Mapping[str, Any]], tuple[Any, ...]]
    """Turns values by name into the tuple of positional parameters."""


_BUILT: dict[str, dict[tuple[Any, ...], Statement]] = {}
"""Compiled statements by dialect and name. Tables and columns are few, so nothing is ever evicted."""
_KEY = "key_"
_DIALECTS: dict[str, Any] = {
    "sqlite": sqlite.dialect(),
    "postgresql": postgresql.psycopg.dialect(paramstyle="format")}  # type: ignore[no-untyped-call]


def statement(connection: Connection, name: tuple[Any, ...], build: Callable[[], ClauseElement]) -> Statement:
    """Return the statement that `build` creates, compiled for this connection's dialect on first use and cached."""
    database = connection.dialect.name
    known = _BUILT.setdefault(database, {})
    found = known.get(name)
    if found is None:
        compiled: Any = build().compile(dialect=_DIALECTS[database])
        found = known[name] = Statement(str(compiled), _positional_values(compiled.positiontup))
    return found


def execute(connection: Connection, built: Statement, values: tuple[Any, ...]) -> Any:
    """Execute a statement; return the driver's cursor."""
    return _raw(connection).execute(built.text, values)


def execute_each(connection: Connection, built: Statement, rows: Sequence[tuple[Any, ...]]) -> None:
    """Execute a statement once per row."""
    if len(rows) == 1:
        _raw(connection).execute(built.text, rows[0])
    elif rows:
        _raw(connection).cursor().executemany(built.text, rows)


def insert_rows(connection: Connection, table: Table, rows: Sequence[tuple[Any, ...]]) -> None:
    """Insert complete rows, overwriting those with the same primary key; values in the order of the table's columns."""
    execute_each(connection, statement(connection, ("upsert", table.name), lambda: _upsert(
        connection.dialect.name, table, tuple(column.name for column in table.columns))), rows)


def upsert(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows, or update the given columns where the primary key exists. All rows have the same keys."""
    if not rows:
        return
    columns = tuple(rows[0])
    defaults = _defaults(table, columns)
    built = statement(connection, ("upsert", table.name, columns),
                      lambda: _upsert(connection.dialect.name, table, columns))
    execute_each(connection, built, [built.in_order({**defaults, **row} if defaults else row) for row in rows])


def update_row(connection: Connection, table: Table, key: Mapping[str, Any], values: Mapping[str, Any]) -> None:
    """Update columns of the row with this primary key."""
    name = ("update", table.name, tuple(key), tuple(values))
    built = statement(connection, name, lambda: _update(table, tuple(key), tuple(values)))
    execute(connection, built, built.in_order(dict(values) | {_KEY + name: value for name, value in key.items()}))


def update_rows(connection: Connection, table: Table, key: tuple[str, ...], rows: Sequence[Mapping[str, Any]]) -> None:
    """Update existing rows, each found by its values of the columns in `key`. All rows have the same keys."""
    if not rows:
        return
    columns = tuple(name for name in rows[0] if name not in key)
    built = statement(connection, ("update", table.name, key, columns), lambda: _update(table, key, columns))
    execute_each(connection, built, [built.in_order(
        {(_KEY + name if name in key else name): value for name, value in row.items()}) for row in rows])


def _raw(connection: Connection) -> Any:
    return connection.connection.dbapi_connection


def _positional_values(names: Sequence[str]) -> Callable[[Mapping[str, Any]], tuple[Any, ...]]:
    if len(names) > 1:
        return itemgetter(*names)
    return lambda values: tuple(values[name] for name in names)


def _upsert(database: str, table: Table, columns: tuple[str, ...]) -> ClauseElement:
    dialect = postgresql if database == "postgresql" else sqlite
    statement = dialect.insert(table).values({name: bindparam(name) for name in columns})
    key = [column.name for column in table.primary_key]
    changed = {name: statement.excluded[name] for name in columns if name not in key}
    return (statement.on_conflict_do_update(index_elements=key, set_=changed) if changed
            else statement.on_conflict_do_nothing(index_elements=key))


def _update(table: Table, key: tuple[str, ...], columns: tuple[str, ...]) -> ClauseElement:
    return (update(table).where(*(table.c[name] == bindparam(_KEY + name) for name in key))
            .values({name: bindparam(name) for name in columns}))


@functools.cache
def _defaults(table: Table, columns: tuple[str, ...]) -> dict[str, Any]:
    """The schema's defaults of columns that are not given; SQLAlchemy fills them in only when it executes itself."""
    return {column.name: column.default.arg for column in table.columns
            if column.name not in columns and isinstance(column.default, ScalarElementColumnDefault)}
