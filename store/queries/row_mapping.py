"""Convert rows to the field values of read models: parse times, decode JSON. Independent of any table."""

from __future__ import annotations

import functools
import json
from typing import Any

from sqlalchemy import Row, Table, select

from store.database import Store
from store.timestamps import parse


def values_of(row: Row[Any], json_fields: tuple[str, ...] = ()) -> dict[str, Any]:
    """Return a row's values by name, with `*_at` columns parsed as times and `json_fields` decoded."""
    names = row._fields
    values = dict(zip(names, row, strict=True))
    for name in _moments(names):
        if isinstance(values[name], str):  # a lease's `expires_at` is a Unix time
            values[name] = parse(values[name])
    for name in json_fields:
        if values[name] is not None:
            values[name] = json.loads(values[name])
    return values


@functools.cache
def _moments(names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(name for name in names if name.endswith("_at"))


def rows_of(store: Store, table: Table, run: str, *order: Any) -> list[Row[Any]]:
    """Return a run's rows of one table, in the given order."""
    with store.read() as connection:
        return list(connection.execute(select(table).where(table.c.run == run).order_by(*order)))
