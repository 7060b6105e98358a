"""How a transaction that writes is held: on SQLite one connection for the life of the store, elsewhere one of a pool.

SQLite knows one writer at a time, so a process needs one connection to write, and keeping it open saves most of the
price of a small commit. A connection that failed is thrown away, and the next transaction opens another.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from typing import Any, Protocol

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError

from store.turn import Turn


class Writer(Protocol):
    """Gives transactions that hold what they need from their first moment."""

    engine: Engine

    def transaction(self) -> contextlib.AbstractContextManager[Connection]: ...

    def close(self) -> None: ...


class PooledWriter:
    """A database that sorts its writers out by itself."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    @contextlib.contextmanager
    def transaction(self) -> Iterator[Connection]:
        with _translated(self.engine), self.engine.begin() as connection:
            yield connection

    def close(self) -> None:
        """Give back every connection."""
        self.engine.dispose()


class HeldWriter:
    """SQLite: the write lock is taken when the transaction begins, one process after the other, in turn."""

    def __init__(self, engine: Engine, turn: Turn) -> None:
        self.engine = engine
        self._turn = turn
        self._lock = threading.RLock()
        self._held: Connection | None = None
        self._inside = False

    @contextlib.contextmanager
    def transaction(self) -> Iterator[Connection]:
        with self._lock:
            if self._inside:
                raise RuntimeError("a transaction is open in this thread already: hand its connection on")
            taken = self._turn.take()
            self._inside = True
            try:
                with _translated(self.engine):
                    yield from self._within(self._held or self._open())
            finally:
                self._inside = False
                if taken:
                    self._turn.give()

    def _within(self, connection: Connection) -> Iterator[Connection]:
        """SQLAlchemy's own transaction begins only with its own first statement, so the end looks after both."""
        raw: Any = connection.connection.dbapi_connection
        committed = False
        try:
            raw.execute("BEGIN IMMEDIATE")
            yield connection
            if connection.in_transaction():
                connection.commit()
            else:
                raw.commit()
            committed = True
        finally:
            if not committed:
                self._drop()

    def close(self) -> None:
        """Give back every connection."""
        with self._lock:
            self._drop()
            self.engine.dispose()
            self._turn.close()

    def _open(self) -> Connection:
        self._held = self.engine.connect()
        return self._held

    def _drop(self) -> None:
        """Close the connection for good; what it had not committed is gone."""
        held, self._held = self._held, None
        if held is not None:
            held.invalidate()
            held.close()


def _driver_error(engine: Engine) -> type[Exception]:
    return engine.dialect.loaded_dbapi.Error  # type: ignore[no-any-return]


@contextlib.contextmanager
def _translated(engine: Engine) -> Iterator[None]:
    """Statements that went to the driver itself fail as SQLAlchemy's would, so that callers know one family."""
    error_class = _driver_error(engine)
    try:
        yield
    except error_class as error:
        raise DBAPIError.instance(None, None, error, error_class, dialect=engine.dialect) from error
