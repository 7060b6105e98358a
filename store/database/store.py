"""Open an event store and give out transactions: writers that hold the write lock from BEGIN on, read-only readers.

Under SQLite a deferred transaction that reads and then writes fails at once when another one wrote in between, whatever
the timeout; so writers take the lock first (BEGIN IMMEDIATE). Readers see a snapshot and never wait (WAL).
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, make_url, text
from sqlalchemy.engine import URL
from sqlalchemy.exc import DatabaseError

from store.database import postgresql
from store.database.errors import SchemaTooNew, SchemaTooOld, StoreError, StoreNotFound
from store.database.migrations import CURRENT, made_at, migrate, refuse_newer, version_of
from store.database.sqlite import (
    check_durability, copy_before_migration, copy_of, engine_for, file_of, is_safe, prepare,
)
from store.database.write_lock import FairWriteLock
from store.database.write_transactions import PooledWriter, SqliteWriter, Writer
from store.program_name import NAME

sqlite_is_safe = is_safe

__all__ = ["SchemaTooNew", "StoreNotFound", "SchemaTooOld", "Store", "StoreError", "integrity_faults",
           "pre_migration_copy",
           "open_for_reading", "open_store", "sqlite_is_safe", "version_at"]


class Store:
    """An open event store. `write()` and `read()` yield a connection inside a transaction."""

    def __init__(self, url: str, writer: Writer | None, reader: Engine) -> None:
        self.url = url
        self._writer = writer
        self._reader = reader

    def write(self) -> contextlib.AbstractContextManager[Connection]:
        """A transaction that holds the write lock from its start; commits at the end, rolls back on an exception.

        Raises:
            StoreError: the store was opened for reading only.
        """
        return self._writing().transaction()

    @contextlib.contextmanager
    def read(self) -> Iterator[Connection]:
        """A read-only transaction that sees a consistent snapshot; writing through it fails."""
        with self._reader.connect() as connection:
            yield connection

    @contextlib.contextmanager
    def driver_connection(self) -> Iterator[Any]:
        """The driver's writable connection, outside any transaction: for backups and checkpoints."""
        raw = self._writing().engine.raw_connection()
        try:
            yield raw.driver_connection
        finally:
            raw.close()

    def made_at(self) -> str:
        """Return when the store was made, to the microsecond: it tells this store from any other one."""
        with self.read() as connection:
            return made_at(connection)

    @property
    def is_sqlite(self) -> bool:
        return self._reader.dialect.name == "sqlite"

    def _writing(self) -> Writer:
        if self._writer is None:
            raise StoreError(f"the store {self.url} was opened for reading only")
        return self._writer

    def close(self) -> None:
        """Close all connections."""
        if self._writer is not None:
            self._writer.close()
        self._reader.dispose()


def open_store(url: str) -> Store:
    """Open for reading and writing; creates the database if needed and migrates its tables.

    Raises:
        StoreError: no permission, not a database, an affected SQLite library, a network file system, a newer schema.
    """
    address = make_url(url)
    writer: Writer
    if address.get_backend_name() == "sqlite":
        prepare(file_of(address))
        writer = SqliteWriter(engine_for(address, writes=True), FairWriteLock(file_of(address)))
        with _as_store_errors(url):
            migrate(writer.transaction, partial(copy_before_migration, file_of(address)))
    else:
        writer = PooledWriter(postgresql.engine_for(address, writes=True))
        with _as_store_errors(url):
            migrate(writer.transaction)
    return Store(url, writer, _reader(address))


def open_for_reading(url: str) -> Store:
    """Open an existing store read-only; never creates one.

    Raises:
        StoreNotFound: there is none at this address.
        StoreError: it cannot be read, or its tables are of another version.
    """
    address = make_url(url)
    if address.get_backend_name() == "sqlite":
        if not file_of(address).exists():
            raise StoreNotFound(f"no store at {file_of(address)} yet")
        check_durability(file_of(address))
    reader = _reader(address)
    try:
        with _as_store_errors(url), reader.connect() as connection:
            _check_schema_version(address, version_of(connection))
    except StoreError:
        reader.dispose()
        raise
    return Store(url, None, reader)


def open_existing_store(url: str) -> Store:
    """Open an existing store for reading and writing; never creates one, and migrates none.

    Raises:
        StoreNotFound: there is none at this address.
        StoreError: it cannot be opened, or its tables are of another version.
    """
    open_for_reading(url).close()
    return open_store(url)


def _check_schema_version(address: URL, version: int) -> None:
    if version == 0:
        raise StoreNotFound(f"the store {address.render_as_string()} has no tables yet")
    refuse_newer(version)
    if version < CURRENT:
        is_file = address.get_backend_name() == "sqlite"
        raise SchemaTooOld(str(file_of(address)) if is_file else address.render_as_string(), version, CURRENT,
                           str(copy_of(file_of(address), version)) if is_file else None)


def pre_migration_copy(url: str, version: int) -> Path | None:
    """Return the copy that was saved before a store's tables of this version were migrated; None if there is none."""
    address = make_url(url)
    copy = copy_of(file_of(address), version) if address.get_backend_name() == "sqlite" else None
    return copy if copy and copy.exists() else None


def version_at(url: str) -> int:
    """Return the schema version of the store at an address; 0 where there are no tables.

    Raises:
        StoreError: it cannot be read.
    """
    address = make_url(url)
    if address.get_backend_name() == "sqlite" and not file_of(address).exists():
        return 0
    reader = _reader(address)
    try:
        with _as_store_errors(url), reader.connect() as connection:
            return version_of(connection)
    finally:
        reader.dispose()


def _reader(address: URL) -> Engine:
    if address.get_backend_name() == "sqlite":
        return engine_for(address, writes=False)
    return postgresql.engine_for(address, writes=False)


@contextlib.contextmanager
def _as_store_errors(url: str) -> Iterator[None]:
    """Turn database and file errors into StoreError with a remedy; everything else passes through."""
    try:
        yield
    except (DatabaseError, OSError) as error:
        cause = getattr(error, "orig", None) or error
        if "malformed" in str(cause):
            raise StoreError(f"the store {make_url(url).render_as_string()} is damaged ({cause}): restore a copy, "
                             f"with '{NAME} restore' or from data/backups") from error
        raise StoreError(f"the store {make_url(url).render_as_string()} cannot be opened ({cause}): check that it "
                         "is a database of this program and may be written, or set STORE_URL or DATA_DIR") from error


def integrity_faults(store: Store) -> list[str]:
    """Return what SQLite's integrity check reports; empty for an intact file, and for PostgreSQL."""
    if not store.is_sqlite:
        return []
    with store.read() as connection:
        rows = connection.execute(text("PRAGMA integrity_check")).scalars().all()
    return [row for row in rows if row != "ok"]
