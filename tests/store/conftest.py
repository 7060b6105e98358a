"""A real store: SQLite in a temporary folder; and the same tests on PostgreSQL with `make test-postgres`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from store.database import Store, open_store
from tests.store.postgres_server import NoServer, database, server


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """A server; tests that need one are skipped where there is none."""
    try:
        with server() as url:
            yield url
    except NoServer as error:
        pytest.skip(str(error))


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)])
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The address of an empty store."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'events.db'}"
    else:
        with database(request.getfixturevalue("postgres")) as url:
            yield url


@pytest.fixture
def store(store_url: str) -> Iterator[Store]:
    opened = open_store(store_url)
    yield opened
    opened.close()
