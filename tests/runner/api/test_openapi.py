"""The OpenAPI document: as it was agreed, valid, and true of every answer to what it allows and what it does not."""

from __future__ import annotations

import json
import os
import urllib.parse
from collections.abc import Callable, Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from fastapi import FastAPI
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode
from schemathesis.specs.openapi.checks import positive_data_acceptance

from runner.cli.api import openapi_text
from store.database import Store, open_store
from store.paths import Paths
from tests.addresses import address_in
from tests.dashboard import stores

SNAPSHOT = Path(__file__).with_name("openapi.json")
EXAMPLES = int(os.environ.get("API_EXAMPLES", "200"))
"""Requests in all, half of them invalid; a path that takes hardly anything has fewer than its share."""


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Store, Paths]]:
    """A store that may be changed at will."""
    folder = tmp_path_factory.mktemp("own")
    paths = Paths(folder, address_in(folder))
    store = open_store(paths.store_url)
    stores.finished(store, stores.long_ago(5))
    yield store, paths
    store.close()


def test_the_document_is_the_one_that_clients_were_written_for() -> None:
    """Write it again after a change that is meant: python -m runner api --openapi > tests/runner/api/openapi.json"""
    assert json.loads(openapi_text()) == json.loads(SNAPSHOT.read_text(encoding="utf-8"))


def test_every_path_says_what_it_does_and_every_body_has_an_example() -> None:
    document = json.loads(openapi_text())
    assert document["openapi"] == "3.1.0"
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            assert operation["description"] and operation["tags"], (method, path)
            assert {"401", "403", "429", "503"} <= operation["responses"].keys()
            if "requestBody" in operation:
                schema = operation["requestBody"]["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]
                assert document["components"]["schemas"][schema]["examples"]


def test_no_answer_contradicts_the_document_whatever_is_sent(own: tuple[Store, Paths],
                                                             make_app: Callable[..., FastAPI]) -> None:
    app = make_app(*own)
    # A document cannot say all that is valid of a run's settings, a cursor or a schedule: those may be refused.
    schema = schemathesis.openapi.from_asgi("/openapi.json", app)
    schema.config.base_url = "http://127.0.0.1"
    operations = [one.ok() for one in schema.get_all_operations() if one.ok().path != "/v1/events/stream"]
    assert len(operations) >= 22
    checked, each = 0, EXAMPLES // len(operations)
    for operation in operations:
        for mode in GenerationMode:
            if mode is GenerationMode.NEGATIVE and not (operation.body or list(operation.iter_parameters())):
                continue  # nothing of it can be wrong
            @given(case=operation.as_strategy(generation_mode=mode))
            @settings(max_examples=each // 2 + 1, deadline=None, database=None, derandomize=True,
                      suppress_health_check=list(HealthCheck))
            def check(case: Any) -> None:
                nonlocal checked
                checked += 1
                case.call_and_validate(excluded_checks=[positive_data_acceptance])

            check()
    print(f"{checked:,} requests")
    assert checked >= 0.6 * EXAMPLES


class _Links(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.targets: list[str] = []
        self.details = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.targets += [value or "" for name, value in attrs if name in ("href", "src")]
        self.details += tag == "details"


def test_the_page_shows_every_path_and_fetches_nothing_from_other_hosts(served: Any) -> None:
    page = _Links()
    page.feed(served.client.get("/docs").text)
    assert page.details == sum(len(methods) for methods in json.loads(openapi_text())["paths"].values())
    assert {urllib.parse.urlsplit(target).netloc for target in page.targets} == {""}
    assert served.get("/openapi.json") == json.loads(openapi_text())
