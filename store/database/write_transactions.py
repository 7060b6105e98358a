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

from store.database.write_lock import FairWriteLock


class Writer(Protocol):
    """Gives transactions that hold what they need from their first moment."""

    engine: Engine

    def transaction(self) -> contextlib.AbstractContextManager[Connection]: ...

    def close(self) -> None: ...


class PooledWriter:
    """A database that sorts its writers out by itself."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._translated = _ErrorTranslator(engine)

    @contextlib.contextmanager
    def transaction(self) -> Iterator[Connection]:
        try:
            with self.engine.begin() as connection:
                yield connection
        except self._translated.family as error:
            raise self._translated.of(error) from error

    def close(self) -> None:
        """Give back every connection."""
        self.engine.dispose()


class SqliteWriter:
    """SQLite: the write lock is taken when the transaction begins, one process after the other, in turn."""

    def __init__(self, engine: Engine, turn: FairWriteLock) -> None:
        self.engine = engine
        self._turn = turn
        self._lock = threading.RLock()
        self._held: Connection | None = None
        self._driver: Any = None
        self._inside = self._has_turn = False
        self._translated = _ErrorTranslator(engine)

    def transaction(self) -> contextlib.AbstractContextManager[Connection]:
        return self  # there is one at a time, so the writer stands for it: nothing is made for a small commit

    def __enter__(self) -> Connection:
        self._lock.acquire()
        if self._inside:
            self._lock.release()
            raise RuntimeError("a transaction is open in this thread already: hand its connection on")
        begun = False
        self._inside, self._has_turn = True, False
        try:
            self._has_turn = self._turn.acquire()
            connection = self._held or self._open()
            self._driver.execute("BEGIN IMMEDIATE")
            begun = True
        except self._translated.family as error:
            raise self._translated.of(error) from error
        finally:
            if not begun:
                self._end_transaction(drop=True)
        return connection

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        """SQLAlchemy's own transaction begins only with its own first statement, so the end looks after both."""
        committed = False
        try:
            if error is None:
                held = self._held
                assert held is not None
                if held.in_transaction():
                    held.commit()
                else:
                    self._driver.execute("COMMIT")
                committed = True
            elif isinstance(error, self._translated.family):
                raise self._translated.of(error) from error
        except self._translated.family as fault:
            raise self._translated.of(fault) from fault
        finally:
            self._end_transaction(drop=not committed)

    def _end_transaction(self, drop: bool) -> None:
        if drop:
            self._drop()
        self._inside = False
        if self._has_turn:
            self._turn.release()
        self._lock.release()

    def close(self) -> None:
        """Give back every connection."""
        with self._lock:
            self._drop()
            self.engine.dispose()
            self._turn.close()

    def _open(self) -> Connection:
        self._held = self.engine.connect()
        self._driver = self._held.connection.dbapi_connection
        return self._held

    def _drop(self) -> None:
        """Close the connection for good; what it had not committed is gone."""
        held, self._held, self._driver = self._held, None, None
        if held is not None:
            held.invalidate()
            held.close()


class _ErrorTranslator:
    """Statements that went to the driver itself fail as SQLAlchemy's would, so that callers know one family."""

    def __init__(self, engine: Engine) -> None:
        self._dialect = engine.dialect
        self.family: type[Exception] = engine.dialect.loaded_dbapi.Error

    def of(self, error: Exception) -> BaseException:
        """The driver's error as SQLAlchemy's."""
        return DBAPIError.instance(None, None, error, self.family, dialect=self._dialect)
