"""Shared passages: the API reference once, and a small made-up domain that no half-written note can break."""

from __future__ import annotations

import pytest

from knowledge.domain import Domain, domain_of
from knowledge.kubernetes.api_reference import read_api_reference
from knowledge.passages import Passage
from tests.knowledge.made_up import WORDS, make_passage


@pytest.fixture(scope="session")
def api() -> list[Passage]:
    """All passages of the API reference."""
    return read_api_reference()


@pytest.fixture(scope="session")
def api_domain(api: list[Passage]) -> Domain:
    """The API reference alone, as a domain."""
    return domain_of("API", api)


@pytest.fixture(scope="session")
def small() -> Domain:
    """Forty passages in two topics, half of them notes."""
    return domain_of("small", [make_passage("ab"[n % 2], word, source=("notes", "api")[n // 2 % 2])
                               for n, word in enumerate(WORDS)])
