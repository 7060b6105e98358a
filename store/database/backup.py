"""A copy of the store while it is in use, by SQLite's own backup; the file itself is never opened by anybody else.

PostgreSQL has its own tools for this (`pg_dump`), and says so here.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pysqlite3.dbapi2 as sqlite

from store.database.store import Store, StoreError

PAGES_PER_STEP = 1000  # about 4 MB: writers get a turn in between


def copy_database(store: Store, path: Path) -> None:
    """A whole, checked copy under this path, or nothing.

    Raises:
        StoreError: not an SQLite store, or the copy is not sound.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f".{path.name}.{os.getpid()}.new")
    aside.unlink(missing_ok=True)
    try:
        with _driver(store) as source, contextlib.closing(sqlite.connect(aside)) as target:
            source.backup(target, pages=PAGES_PER_STEP)
            target.execute("PRAGMA journal_mode=DELETE")  # one file, with no log beside it
            found = [row[0] for row in target.execute("PRAGMA integrity_check")]
        if found != ["ok"]:
            raise StoreError(f"the copy of {store.url} is not sound: {found[0]}")
        _sync(aside)
        aside.replace(path)
        _sync(path.parent)
    finally:
        aside.unlink(missing_ok=True)


def checkpoint(store: Store) -> tuple[int, int]:
    """Bring what is in the write-ahead log into the database, as far as readers allow; (pages in the log, brought)."""
    with _driver(store) as connection:
        _, pages, brought = connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
    return pages, brought


@contextlib.contextmanager
def _driver(store: Store) -> Iterator[Any]:
    """The driver's own connection, outside any transaction."""
    if not store.is_sqlite:
        raise StoreError(f"the store {store.url.partition('@')[2] or 'on PostgreSQL'} is backed up with pg_dump")
    with store.driver_connection() as connection:
        yield connection


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
