"""How a row becomes the values of a read model: times parsed, JSON decoded. Knows no table in particular."""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import Row, Table, select

from store.clock import parse
from store.database import Store


def values_of(row: Row[Any], json_fields: tuple[str, ...] = ()) -> dict[str, Any]:
    """A row's values by name, with moments and the named JSON columns decoded."""
    values = dict(row._mapping)
    for key, value in values.items():
        if key.endswith("_at") and isinstance(value, str):
            values[key] = parse(value)
        elif key in json_fields and value is not None:
            values[key] = json.loads(value)
    return values


def rows_of(store: Store, table: Table, run: str, *order: Any) -> list[Row[Any]]:
    """A run's rows of one table, in the order given."""
    with store.read() as connection:
        return list(connection.execute(select(table).where(table.c.run == run).order_by(*order)))
