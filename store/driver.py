"""Statements that run with every event: built once by SQLAlchemy for the database at hand, run by its driver itself.

Nothing is written twice in SQL, and a call costs what the driver costs. Works inside any open transaction; rows are
dictionaries of plain values with the statement's names.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Table, bindparam, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.sql.expression import ClauseElement
from sqlalchemy.sql.schema import ScalarElementColumnDefault

_SQL: dict[str, dict[tuple[Any, ...], str]] = {}
"""Statement text by database, and by what it was built from: tables and columns are few, so nothing is ever dropped."""
_KEY = "key_"
_SQLITE = sqlite.dialect(paramstyle="named")


def sql_of(connection: Connection, name: tuple[Any, ...], build: Callable[[], ClauseElement]) -> str:
    """The text of the statement that `build` makes, for this connection's database; built when first asked for."""
    dialect = connection.dialect
    known = _SQL.setdefault(dialect.name, {})
    sql = known.get(name)
    if sql is None:
        sql = known[name] = str(build().compile(dialect=_SQLITE if dialect.name == "sqlite" else dialect))
    return sql


def execute(connection: Connection, sql: str, values: Mapping[str, Any]) -> Any:
    """Run a prepared statement; returns the driver's cursor."""
    return _raw(connection).execute(sql, values)


def execute_each(connection: Connection, sql: str, rows: Sequence[Mapping[str, Any]]) -> None:
    """Run a prepared statement for every row."""
    if len(rows) == 1:
        _raw(connection).execute(sql, rows[0])
    elif rows:
        _raw(connection).cursor().executemany(sql, rows)


def upsert(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows, or overwrite the columns given where the primary key is there already. All rows name the same."""
    if not rows:
        return
    columns = tuple(rows[0])
    defaults = _defaults(table, columns)
    sql = sql_of(connection, ("upsert", table.name, columns), lambda: _upsert(connection.dialect.name, table, columns))
    execute_each(connection, sql, [{**defaults, **row} for row in rows] if defaults else rows)


def update_row(connection: Connection, table: Table, key: Mapping[str, Any], values: Mapping[str, Any]) -> None:
    """Change columns of the row with this primary key."""
    name = ("update", table.name, tuple(key), tuple(values))
    sql = sql_of(connection, name, lambda: _update(table, tuple(key), tuple(values)))
    _raw(connection).execute(sql, {**values, **{_KEY + column: value for column, value in key.items()}})


def update_rows(connection: Connection, table: Table, key: tuple[str, ...], rows: Sequence[Mapping[str, Any]]) -> None:
    """Change rows that are there, each found by its values of `key`. All rows name the same columns."""
    if not rows:
        return
    columns = tuple(name for name in rows[0] if name not in key)
    sql = sql_of(connection, ("update", table.name, key, columns), lambda: _update(table, key, columns))
    execute_each(connection, sql, [{(_KEY + name if name in key else name): value for name, value in row.items()}
                                   for row in rows])


def _raw(connection: Connection) -> Any:
    return connection.connection.dbapi_connection


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
