"""Copy an SQLite store while it is in use, with SQLite's online backup API; and checkpoint its write-ahead log.

For PostgreSQL these raise an error that names its own tool, `pg_dump`.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pysqlite3.dbapi2 as sqlite

from store.database.store import Store, StoreError
from store.files import replace_durably, temporary_path

PAGES_PER_STEP = 1000  # about 4 MB: writers proceed between steps


def copy_database(store: Store, path: Path) -> None:
    """Write a complete copy that passed SQLite's integrity check to `path`, or nothing.

    Raises:
        StoreError: not an SQLite store, or the copy failed the integrity check.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = temporary_path(path)
    temporary.unlink(missing_ok=True)
    try:
        with _driver(store) as source, contextlib.closing(sqlite.connect(temporary)) as target:
            source.backup(target, pages=PAGES_PER_STEP)
            target.execute("PRAGMA journal_mode=DELETE")  # a single file, without a write-ahead log
            found = [row[0] for row in target.execute("PRAGMA integrity_check")]
        if found != ["ok"]:
            raise StoreError(f"the copy of {store.url} failed its integrity check: {found[0]}")
        replace_durably(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def checkpoint(store: Store) -> tuple[int, int]:
    """Run a passive WAL checkpoint, which moves what readers allow; return (pages in the log, pages moved)."""
    with _driver(store) as connection:
        _, pages, moved = connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
    return pages, moved


@contextlib.contextmanager
def _driver(store: Store) -> Iterator[Any]:
    """Yield the driver's own connection, outside any transaction.

    Raises:
        StoreError: not an SQLite store.
    """
    if not store.is_sqlite:
        raise StoreError(f"the store {store.url.partition('@')[2] or 'on PostgreSQL'} is backed up with pg_dump")
    with store.driver_connection() as connection:
        yield connection
