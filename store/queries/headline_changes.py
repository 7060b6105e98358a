"""Query the headline change of many runs at once, for lists of runs."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select

from store import schema
from store.database import Store
from store.queries.run_progress import ChangeRow
from store.queries.runs import Run


def headline_changes(store: Store, runs: Sequence[Run]) -> dict[str, ChangeRow]:
    """Return, by run, the change that its verdict is based on: of the last compared cycle, over all topics."""
    table, configs = schema.changes, {run.id: run.config for run in runs}
    with store.read() as connection:
        rows = connection.execute(
            select(table).where(table.c.run.in_(configs), table.c.topic == "",
                                table.c.metric.in_({config.headline for config in configs.values()}))
            .order_by(table.c.run, table.c.cycle)).all()
    return {row.run: ChangeRow(**row._mapping) for row in rows
            if (row.metric, row.tier) == (configs[row.run].headline, configs[row.run].headline_tier)}
