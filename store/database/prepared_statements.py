"""Statements that run with every event: built once by SQLAlchemy for the database at hand, run by its driver itself.

Nothing is written twice in SQL, and a call costs what the driver costs. Works inside any open transaction. Values are a
dictionary with the statement's names or, where speed counts, a tuple in the order of its columns.
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
    """A statement's text, with its values by their places: a driver binds them several times faster than names."""

    text: str
    in_order: Callable[[Mapping[str, Any]], tuple[Any, ...]]
    """Values by name as the tuple that the text wants."""


_BUILT: dict[str, dict[tuple[Any, ...], Statement]] = {}
"""Statements by database, and by what they were built from: tables and columns are few, so nothing is ever dropped."""
_KEY = "key_"
_DIALECTS: dict[str, Any] = {
    "sqlite": sqlite.dialect(),
    "postgresql": postgresql.psycopg.dialect(paramstyle="format")}  # type: ignore[no-untyped-call]


def statement(connection: Connection, name: tuple[Any, ...], build: Callable[[], ClauseElement]) -> Statement:
    """The statement that `build` makes, for this connection's database; built when first asked for."""
    database = connection.dialect.name
    known = _BUILT.setdefault(database, {})
    found = known.get(name)
    if found is None:
        compiled: Any = build().compile(dialect=_DIALECTS[database])
        found = known[name] = Statement(str(compiled), _positional_values(compiled.positiontup))
    return found


def execute(connection: Connection, built: Statement, values: tuple[Any, ...]) -> Any:
    """Run a statement; returns the driver's cursor."""
    return _raw(connection).execute(built.text, values)


def execute_each(connection: Connection, built: Statement, rows: Sequence[tuple[Any, ...]]) -> None:
    """Run a statement for every row."""
    if len(rows) == 1:
        _raw(connection).execute(built.text, rows[0])
    elif rows:
        _raw(connection).cursor().executemany(built.text, rows)


def insert_rows(connection: Connection, table: Table, rows: Sequence[tuple[Any, ...]]) -> None:
    """Insert whole rows, or overwrite where the primary key is there already; values in the table's order."""
    execute_each(connection, statement(connection, ("upsert", table.name), lambda: _upsert(
        connection.dialect.name, table, tuple(column.name for column in table.columns))), rows)


def upsert(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows, or overwrite the columns given where the primary key is there already. All rows name the same."""
    if not rows:
        return
    columns = tuple(rows[0])
    defaults = _defaults(table, columns)
    built = statement(connection, ("upsert", table.name, columns),
                      lambda: _upsert(connection.dialect.name, table, columns))
    execute_each(connection, built, [built.in_order({**defaults, **row} if defaults else row) for row in rows])


def update_row(connection: Connection, table: Table, key: Mapping[str, Any], values: Mapping[str, Any]) -> None:
    """Change columns of the row with this primary key."""
    name = ("update", table.name, tuple(key), tuple(values))
    built = statement(connection, name, lambda: _update(table, tuple(key), tuple(values)))
    execute(connection, built, built.in_order(dict(values) | {_KEY + name: value for name, value in key.items()}))


def update_rows(connection: Connection, table: Table, key: tuple[str, ...], rows: Sequence[Mapping[str, Any]]) -> None:
    """Change rows that are there, each found by its values of `key`. All rows name the same columns."""
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
    """What the schema says of columns that are not given: SQLAlchemy would fill them in where it runs a statement."""
    return {column.name: column.default.arg for column in table.columns
            if column.name not in columns and isinstance(column.default, ScalarElementColumnDefault)}
