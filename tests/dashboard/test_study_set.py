"""What a run trained on, and the verdict on reading, on the page Overview of a run that really went its whole path."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from streamlit.testing.v1 import AppTest

from dashboard.view_models.study_set import coverage_line, form_rows, note_lines, term_rows
from runner.pipeline.worker import execute_claimed_run
from store import commands, queries
from store.analysis.reading_verdict import reading_sentence
from store.event_log import leases
from store.event_log.journal import Journal
from store.events import FormRecord, StudiedFact, StudySetPrepared, TermCoverage
from store.paths import Paths
from store.queries import StudySet
from store.presets import preset
from tests.dashboard import stores
from tests.dashboard.conftest import words_of
from tests.runner import fakes

FACT = StudiedFact("p1", 1, 10, 2, 1.0, ("late",), (TermCoverage("30 seconds", 7), TermCoverage("late", 0)))
SET = StudySet(1, StudySetPrepared("f", "h", (FACT,), (FormRecord("cloze", 6, 3, 30, 900), FormRecord("title", 4, 4, 10,
                                                                                                     100)),
                                   48, 8, 6, None, ("1 of 2 passages is of one sentence",)))


def test_forms_are_laid_out_with_their_shares_and_terms_with_the_fewest_first() -> None:
    assert form_rows(SET)[0] == {"form": "cloze", "items": "6", "wordings": "3", "presentations": "30 (75%)",
                                 "tokens (estimate)": "900 (90%)"}
    assert coverage_line(SET) == "1 of 2 key terms are in study items, each in 0 to 7 of them."
    assert [row["key term"] for row in term_rows(SET, {"p1": "Ending"})] == ["late", "30 seconds"]
    assert term_rows(SET, {"p1": "Ending"})[0]["fact"] == "Ending" and term_rows(SET, {})[0]["fact"] == "p1"
    assert note_lines([SET]) == ["Cycle 1: 1 of 2 passages is of one sentence.",
                                 "2 items that nearly repeat a test question were left out."]
    assert note_lines([]) == []


def test_a_set_of_before_coverage_was_counted_has_no_line_of_it() -> None:
    old = StudySet(1, StudySetPrepared("f", "h", (StudiedFact("p1", 1, 10, 0, 1.0, ()),), (FormRecord("cloze", 6),), 48,
                                       8, 6, None))
    assert coverage_line(old) == "" and term_rows(old, {}) == [] and "0%" not in str(form_rows(old))


def test_the_overview_says_what_was_studied_and_whether_it_reads_better(tmp_path: Path,
                                                                       opened: Callable[..., AppTest]) -> None:
    store = stores.store_at(tmp_path)
    config = preset("embedded", topics=("pods", "services"), questions=6, held_out=8, passes=20.0, reading_share=0.4,
                    arms=("retrieval", "tuned+retrieval"))
    run = commands.launch_run(store, config, "test")
    claim = leases.claim_next(store, leases.owner_name())
    assert claim and execute_claimed_run(claim, Paths(tmp_path, store.url), fakes.fake_resources) == 0
    sentence = reading_sentence(queries.arm_changes_of(store, run), config)
    (studied,) = queries.study_sets_of(store, run)
    store.close()
    app = opened(tmp_path, "overview", run=run)
    words = words_of(app)
    assert not app.exception and sentence and sentence in words
    assert coverage_line(studied) in words
    assert any(expander.label.startswith("Study items") for expander in app.expander)


def test_the_log_says_what_a_long_training_set_lacks(tmp_path: Path) -> None:
    facts = tuple(StudiedFact(f"passage {number}", 1, 100, 0, 1.0, (), tuple(
        TermCoverage(f"key term {term} of passage {number}", 10) for term in range(4))) for number in range(100))
    assert len(str(facts)) > 20_000
    store = stores.store_at(tmp_path)
    run = commands.launch_run(store, preset("embedded"), "test")
    claim = leases.claim_next(store, leases.owner_name())
    assert claim
    Journal(store, claim).append(StudySetPrepared("f", "h", facts, (), 48, 8, 6, None, ("so it is",)), cycle=1,
                                 stage="study")
    entries = [entry.event for entry in queries.latest_events(store, run) if entry.kind == "StudySetPrepared"]
    assert [event.notes for event in entries if isinstance(event, StudySetPrepared)] == [("so it is",)]
    store.close()
