"""The page Exports: an export is named and queued, followed, and what was found stands beside the record."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from store import queries
from store.commands import verifications
from store.commands.verifications import QUEUE
from store.database import Store
from store.event_log.journal import append_without_claim
from store.events import AnswerRecord, ExportChange, ExportVerified
from store.queries.verifications import verification_requests
from tests.dashboard import stores
from tests.dashboard.conftest import static_tables, words_of
from tests.dashboard.test_playground import copy_of

Opened = Callable[..., AppTest]
Folders = dict[str, tuple[Path, str | None]]


@pytest.fixture
def made(tmp_path: Path, state_folders: Folders) -> Iterator[tuple[Path, str, Store]]:
    folder, run = copy_of("finished", tmp_path, state_folders)
    store = stores.store_at(folder)
    yield folder, run, store
    store.close()


def found_by(store: Store, run: str, outcome: str, changed: int) -> None:
    """Record an export that gives `changed` other answers than were recorded."""
    pairs = queries.answers_of(store, run, 2)
    answers = tuple(AnswerRecord(pair.question, "Something else." if at < changed else pair.tuned, None, 3, 0.1, False)
                    for at, pair in enumerate(pairs))
    with store.write() as connection:
        append_without_claim(connection, run, ExportVerified(
            "/exports/pods-q8_0", "llama.cpp", outcome, f"The sentence on {outcome}.", (), len(pairs) - changed,
            len(pairs), (ExportChange("chrf", 0.5, 0.42, -0.08, -0.1, -0.06, 40, 40),), answers, 145_000_000), cycle=2)


def verify_on_page(app: AppTest, name: str) -> AppTest:
    app.text_input(key="verification artefact").set_value(name)
    next(item for item in app.button if item.key == "verify").click().run()
    assert not app.exception
    return app


def test_an_export_is_queued_once_and_followed_to_what_was_found(made: tuple[Path, str, Store],
                                                                 opened: Opened) -> None:
    folder, run, store = made
    stores.connect_runner(store)
    app = opened(folder, "exports", run=run, exported="2")
    assert "No export of this run was verified yet." in words_of(app)
    verify_on_page(app, "/exports/pods-q8_0")
    verify_on_page(app, "/exports/pods-q8_0")  # the second click of a double click
    (asked,) = verification_requests(store, run)
    assert (asked.artefact, asked.cycle, asked.engine) == ("/exports/pods-q8_0", 2, "transformers")
    assert "/exports/pods-q8_0: queued." in words_of(app)
    claimed = verifications.claim_next(store, "host:1:1")
    assert claimed
    QUEUE.change(store, claimed.id, claimed.attempt, progress="10 of 40 questions answered")
    assert "10 of 40 questions answered" in words_of(app.run())
    found_by(store, run, "different", 2)
    QUEUE.finish(store, claimed.id, claimed.attempt)
    words = words_of(app.run())
    assert "questions answered" not in words and "The sentence on different." in words
    assert "/exports/pods-q8_0 · cycle 2 · answered by llama.cpp · 145 MB of weights" in words
    (metrics,) = static_tables(app)
    assert [cell.text for cell in metrics.findall("table/tbody/tr[1]/td")] == [
        "chrF", "0.500", "0.420", "−0.080", "−0.10 to −0.06", "± 0.05", "40 of 40"]
    answers = next(table.value for table in app.dataframe if "exported" in table.value.columns)
    assert answers["text"].tolist()[:3] == ["≠ other", "≠ other", "= same"]
    assert answers["exported"].tolist()[:2] == ["Something else."] * 2


def test_a_refused_export_says_why_until_the_same_one_is_verified(made: tuple[Path, str, Store],
                                                                  opened: Opened) -> None:
    folder, run, store = made
    app = opened(folder, "exports", run=run)
    verify_on_page(app, "http://127.0.0.1:9/v1")
    assert "No runner is connected" in words_of(app)
    claimed = verifications.claim_next(store, "host:1:1")
    assert claimed
    QUEUE.fail(store, claimed.id, claimed.attempt, "it does not answer: start the server")
    words = words_of(app.run())
    assert "An export could not be verified:" in words and "it does not answer: start the server" in words
    again = verifications.request(store, run, claimed.cycle, claimed.artefact, "ann", "again")
    renewed = verifications.claim_next(store, "host:1:1")
    assert renewed and renewed.id == again
    QUEUE.finish(store, renewed.id, renewed.attempt)
    assert "could not be verified" not in words_of(opened(folder, "exports", run=run))
    verify_on_page(app, "http://user:secret@host/v1")
    assert "holds a password or key" in words_of(app) and "secret" not in words_of(app)


def test_reviewers_read_what_was_found_and_overview_leads_there(made: tuple[Path, str, Store], opened: Opened,
                                                                monkeypatch: pytest.MonkeyPatch) -> None:
    folder, run, store = made
    found_by(store, run, "same as measured", 0)
    monkeypatch.setenv("DASHBOARD_ROLE", "reviewer")
    app = opened(folder, "exports", run=run)
    words = words_of(app)
    assert "Operators can verify exports" in words and "The sentence on same as measured." in words
    assert not [item for item in app.button if item.key == "verify"]
    assert "Verify an export of this run" in {
        link.proto.label for link in opened(folder, "overview", run=run).get("page_link")}


def test_a_run_without_an_adapter_has_nothing_to_verify(tmp_path: Path, state_folders: Folders,
                                                        opened: Opened) -> None:
    folder, _ = copy_of("untuned", tmp_path, state_folders)
    assert "nothing can have been exported of it" in words_of(opened(folder, "exports"))
