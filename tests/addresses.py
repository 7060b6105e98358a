"""Where a test's store is: SQLite in its folder; where `TESTS_ON` names a PostgreSQL server, a database of its own.

`make test-postgres` names one (tests/on_postgresql.py), and throws all of it away at the end.
"""

from __future__ import annotations

import functools
import hashlib
import os
from pathlib import Path

from sqlalchemy import create_engine, make_url

SERVER = "TESTS_ON"


def address_in(folder: Path) -> str:
    """The address of a folder's store, the same whenever it is asked for."""
    server = os.environ.get(SERVER)
    if not server:
        return f"sqlite:///{folder / 'events.db'}"
    name = _name(folder)
    _make(server, name)
    return make_url(server).set(database=name).render_as_string(hide_password=False)


def copy_store(source: Path, folder: Path) -> None:
    """What copying the folder does not copy; nobody may be connected to the source."""
    if server := os.environ.get(SERVER):
        _make(server, _name(folder), f"TEMPLATE {_name(source)}")


def _name(folder: Path) -> str:
    return f"of_{hashlib.sha256(str(folder.absolute()).encode()).hexdigest()[:20]}"


@functools.cache
def _make(server: str, name: str, how: str = "") -> None:
    engine = create_engine(server, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        there = connection.exec_driver_sql(f"SELECT 1 FROM pg_database WHERE datname = '{name}'").scalar()
        if not there:
            connection.exec_driver_sql(f"CREATE DATABASE {name} {how}")
    engine.dispose()
