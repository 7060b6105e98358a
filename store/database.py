"""One database, two engines: a writer whose transactions begin IMMEDIATE, and a reader that cannot write.

A deferred transaction that reads and then writes fails at once under SQLite when another one wrote in
between, whatever the time-out; so writers take the lock first. Readers see a snapshot and never wait (WAL).
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pysqlite3.dbapi2 as sqlite
from sqlalchemy import Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.engine import URL
from sqlalchemy.exc import DatabaseError

from store.migrations import NewerStore, migrate, refuse_newer, version_of

# Releases up to 3.51.2 can corrupt a WAL database when two connections checkpoint at once
# (https://sqlite.org/wal.html, "the WAL-reset bug"); the fix is in 3.51.3 and these back-ports.
_SAFE_SQLITE = (3, 51, 3)
_BACKPORTS = {(3, 50): 7, (3, 44): 6}
_WRITER_PRAGMAS = ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "busy_timeout=30000",
                   "journal_size_limit=67108864", "temp_store=MEMORY")


class StoreUnusable(RuntimeError):
    """The store cannot be opened; the message names it, says why, and what to do."""


class NoStoreYet(StoreUnusable):
    """There is no database at this address yet: the empty state, not a fault."""


class Store:
    """An open event store. `write()` and `read()` give a connection inside a transaction."""

    def __init__(self, url: str, writer: Engine | None, reader: Engine) -> None:
        self.url = url
        self._writer = writer
        self._reader = reader

    @contextlib.contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction that holds the write lock from its first moment; commits at the end, or not at all."""
        if self._writer is None:
            raise StoreUnusable(f"the store {self.url} was opened for reading only")
        with self._writer.begin() as connection:
            yield connection

    @contextlib.contextmanager
    def read(self) -> Iterator[Connection]:
        """A consistent snapshot; writing through it fails."""
        with self._reader.connect() as connection:
            yield connection

    @contextlib.contextmanager
    def driver_connection(self) -> Iterator[Any]:
        """The driver's own writing connection, outside any transaction: for backups and checkpoints."""
        if self._writer is None:
            raise StoreUnusable(f"the store {self.url} was opened for reading only")
        raw = self._writer.raw_connection()
        try:
            yield raw.driver_connection
        finally:
            raw.close()

    @property
    def is_sqlite(self) -> bool:
        return self._reader.dialect.name == "sqlite"

    def close(self) -> None:
        """Give back every connection."""
        for engine in (self._writer, self._reader):
            if engine is not None:
                engine.dispose()


def open_store(url: str) -> Store:
    """Open for reading and writing; makes the database and brings its tables up to date.

    Raises:
        StoreUnusable: no permission, not a database, an affected SQLite library, a newer schema.
    """
    address = make_url(url)
    if address.get_backend_name() == "sqlite":
        _prepare_sqlite(address)
        writer = _sqlite_engine(address, "BEGIN IMMEDIATE", _WRITER_PRAGMAS)
        reader = _sqlite_engine(address, "BEGIN", ("busy_timeout=30000", "query_only=ON"))
    else:
        writer = create_engine(address)
        reader = create_engine(address, execution_options={"postgresql_readonly": True})
    with _explained(url), writer.begin() as connection:
        migrate(connection)
    return Store(url, writer, reader)


def open_for_reading(url: str) -> Store:
    """Open an existing store for reading only; never makes one.

    Raises:
        NoStoreYet: there is none at this address.
        StoreUnusable: there is one that cannot be read.
    """
    address = make_url(url)
    if address.get_backend_name() == "sqlite":
        if not _file_of(address).exists():
            raise NoStoreYet(f"no store at {_file_of(address)} yet")
        reader = _sqlite_engine(address, "BEGIN", ("busy_timeout=30000", "query_only=ON"))
    else:
        reader = create_engine(address, execution_options={"postgresql_readonly": True})
    with _explained(url), reader.connect() as connection:
        version = version_of(connection)
        if version == 0:
            raise NoStoreYet(f"the store {url} has no tables yet")
        refuse_newer(version)
    return Store(url, None, reader)


def sqlite_is_safe(version: tuple[int, int, int]) -> bool:
    """Whether this SQLite release is free of the WAL-reset bug."""
    return version >= _SAFE_SQLITE or version[2] >= _BACKPORTS.get(version[:2], 1000)


def _prepare_sqlite(address: URL) -> None:
    version = sqlite.sqlite_version_info
    if not sqlite_is_safe(version):
        raise StoreUnusable(f"SQLite {sqlite.sqlite_version} can corrupt a WAL database: install pysqlite3>=0.6.1")
    folder = _file_of(address).parent
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreUnusable(f"the data folder {folder} cannot be made ({error.strerror}): "
                            "give permission, or set DATA_DIR to another folder") from error


def _file_of(address: URL) -> Path:
    return Path(address.database or "")


def _sqlite_engine(address: URL, begin: str, pragmas: tuple[str, ...]) -> Engine:
    engine = create_engine(address, module=sqlite, connect_args={"timeout": 30, "check_same_thread": False})

    @event.listens_for(engine, "connect")
    def _configure(raw: Any, _record: Any) -> None:
        raw.isolation_level = None  # the driver must not begin transactions of its own
        for pragma in pragmas:
            raw.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql(begin)

    return engine


@contextlib.contextmanager
def _explained(url: str) -> Iterator[None]:
    """Turn what a person can act on into a sentence; everything else passes through."""
    try:
        yield
    except NewerStore as error:
        raise StoreUnusable(str(error)) from error
    except (DatabaseError, OSError) as error:
        cause = getattr(error, "orig", None) or error
        raise StoreUnusable(f"the store {make_url(url).render_as_string()} cannot be opened ({cause}): check that it "
                            "is a database of this program and may be written, or set STORE_URL or DATA_DIR") from error


def integrity_faults(store: Store) -> list[str]:
    """What SQLite's own integrity check finds; empty when the file is sound."""
    if not store.is_sqlite:
        return []
    with store.read() as connection:
        rows = connection.execute(text("PRAGMA integrity_check")).scalars().all()
    return [row for row in rows if row != "ok"]
