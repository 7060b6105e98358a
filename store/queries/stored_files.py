"""Query which lists of files runs have in the artifact store."""

from __future__ import annotations

from collections import defaultdict

from sqlalchemy import select

from store import schema
from store.database import Store
from store.events import FilesStored, Recorded
from store.projections.projector import recorded_from


def stored_file_lists(store: Store) -> dict[str, list[Recorded]]:
    """Return every FilesStored event, by run, oldest first; those of deleted runs too, whose files stay."""
    table, found = schema.events, defaultdict[str, list[Recorded]](list)
    statement = select(table).where(table.c.kind == FilesStored.event_type).order_by(table.c.run, table.c.seq)
    with store.read() as connection:
        for row in connection.execute(statement):
            found[row.run].append(recorded_from(row))
    return dict(found)
