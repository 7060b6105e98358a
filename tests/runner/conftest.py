"""Fixtures of the runner's tests: paths and store, documents, a fake endpoint."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from knowledge.domain import Domain, domain_of
from knowledge.kubernetes.notes import read_notes
from store.database import Store, open_store
from store.paths import Paths
from tests.addresses import address_in
from tests.runner.fake_openai import FakeOpenAI

sys.path.insert(0, str(Path(__file__).parent))  # `fakes` has one name here and in the processes that tests start


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    return Paths(tmp_path, address_in(tmp_path))


@pytest.fixture
def store(paths: Paths) -> Iterator[Store]:
    opened = open_store(paths.store_url)
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def domain() -> Domain:
    return domain_of("Kubernetes v1.28", read_notes())


@pytest.fixture
def fake() -> Iterator[FakeOpenAI]:
    """An endpoint that needs no key and answers as a teacher should."""
    with FakeOpenAI() as server:
        yield server
