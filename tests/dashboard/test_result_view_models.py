"""View models of results: exports, filters, differences, comparisons, number formats."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from dashboard.style import labels
from dashboard.view_models import answer_filter, cycle_selection, export_rows
from dashboard.view_models.answer_filter import AnswerFilter
from store import csv_json_html, queries
from store.database import Store
from store.queries import AnswerPair
from store.run_config import RunConfig
from tests.dashboard import stores


@pytest.fixture(scope="module")
def opened_store(all_states: tuple[Path, dict[str, str]]) -> Iterator[tuple[Store, dict[str, str]]]:
    folder, runs = all_states
    store = stores.store_at(folder)
    yield store, runs
    store.close()


def pair(name: str = "q", before: float | None = 0.5, after: float | None = 0.6, topic: str = "pods",
         tier: str = "held-out", tuned: str = "the Pod restarts") -> AnswerPair:
    return AnswerPair(name, 1, tier, topic, "What?", "passage", "title", "address", "evidence", "reference", None, (),
                      "baseline", None, tuned, None, {"answer_similarity": (before, after)})


@pytest.mark.parametrize("cell", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "  =1", "＝1"])
def test_no_cell_is_a_formula(cell: str) -> None:
    (written,) = csv.DictReader(io.StringIO(csv_json_html.to_csv([{"text": cell}]), newline=""))
    assert written["text"].startswith("'")


def test_numbers_stay_numbers_and_missing_stays_empty() -> None:
    text = csv_json_html.to_csv([{"change": -0.25, "low": None, "text": "a,b\n\"c\""}])
    (written,) = csv.DictReader(io.StringIO(text))
    assert written == {"change": "-0.25", "low": "", "text": "a,b\n\"c\""}


def test_json_keeps_what_was_said_exactly() -> None:
    assert json.loads(csv_json_html.to_json([{"text": stores.FORMULA}])) == [{"text": stores.FORMULA}]


def test_a_hostile_run_exports_without_formulas(opened_store: tuple[Store, dict[str, str]]) -> None:
    store, runs = opened_store
    pairs = queries.answers_of(store, runs["hostile"], 1)
    rows = list(csv.DictReader(io.StringIO(csv_json_html.to_csv(csv_json_html.answer_rows(pairs)), newline="")))
    assert len(rows) == len(pairs) == 22
    assert not [cell for row in rows for cell in row.values() if cell and cell[0] in "=@\t"]
    assert any(len(row["tuned"]) == 100_000 for row in rows)


def test_runs_export_with_their_whole_configuration(opened_store: tuple[Store, dict[str, str]]) -> None:
    rows = export_rows.run_rows(queries.all_runs(opened_store[0]))
    assert len(rows) == 9
    assert {f"config_{field.name}" for field in dataclasses.fields(RunConfig)} <= set(rows[0])


def test_outcomes_follow_the_tie_band_and_the_direction() -> None:
    assert answer_filter.outcome(pair(after=0.505), "answer_similarity") == "same"
    assert answer_filter.outcome(pair(after=0.6), "answer_similarity") == "better"
    assert answer_filter.outcome(pair(after=None), "answer_similarity") == "missing"
    surprised = dataclasses.replace(pair(), scores={"reference_nll": (3.0, 4.0)})
    assert answer_filter.outcome(surprised, "reference_nll") == "worse"


def test_the_worst_come_first_and_the_missing_last() -> None:
    pairs = [pair("good", after=0.9), pair("gone", after=None), pair("bad", after=0.1), pair("flat", after=0.5)]
    chosen = answer_filter.filter_answers(pairs, AnswerFilter(), "answer_similarity")
    assert [item.question for item in chosen] == ["bad", "flat", "good", "gone"]


def test_filters_hold_together() -> None:
    pairs = [pair("a"), pair("b", topic="rbac"), pair("c", tier="practice"), pair("d", tuned="a secret is mounted")]

    def names(choice: AnswerFilter) -> list[str]:
        return [item.question for item in answer_filter.filter_answers(pairs, choice, "answer_similarity")]
    assert names(AnswerFilter(tier="practice")) == ["c"]
    assert names(AnswerFilter(topic="rbac")) == ["b"]
    assert names(AnswerFilter(text="SECRET")) == ["d"]
    assert names(AnswerFilter(outcome="worse")) == []


def test_only_differing_settings_are_compared(opened_store: tuple[Store, dict[str, str]]) -> None:
    store, runs = opened_store
    chosen = [queries.find_run(store, runs[name]) for name in ("finished", "small")]
    rows = cycle_selection.differences([run for run in chosen if run])
    assert {row["setting"] for row in rows} == {"held out", "cycles"}


def test_cycles_with_different_tests_are_never_together(opened_store: tuple[Store, dict[str, str]]) -> None:
    store, runs = opened_store
    found = [queries.find_run(store, runs[name]) for name in ("finished", "finished", "small", "finished")]
    picked = [cycle_selection.SelectedCycle(run, cycle, ()) for cycle, run in enumerate(found, 1) if run]
    assert cycle_selection.same_test(picked, "held-out") == [[0, 1, 3]]
    assert cycle_selection.same_test(picked, "practice") is None
    assert cycle_selection.held_out_set_names(picked) == 2


def test_numbers_are_written_for_people() -> None:
    assert labels.number(None) == labels.DASH
    assert labels.change(-0.25) == "−0.25"
    assert labels.duration(4.2) == "4.2 s"
    assert labels.duration(0.01) == "< 0.1 s"
    assert labels.duration(125) == "2 min 5 s"
    assert labels.duration(4200) == "1 h 10 min"
    assert labels.coverage(9, 10) == "n = 9 of 10, 1 missing"
    assert labels.ago(None) == "never"
    assert labels.when(datetime(2026, 1, 2, 3, 4, tzinfo=UTC)) == "2026-01-02 03:04 UTC"


def test_an_unknown_state_keeps_its_own_name() -> None:
    assert labels.work("melted").label == "melted"
    assert labels.verdict("odd").label == "odd"


def test_a_table_as_html_holds_nothing_that_acts() -> None:
    page = csv_json_html.to_html([{"a<b": stores.EVIL, "n": 1}, {"n": None}], stores.EVIL)
    assert "<img" not in page and "<script" not in page and "default-src 'none'" in page
    assert page.count("&lt;script&gt;") == 3 and "<th>a&lt;b</th><th>n</th>" in page


def test_a_lost_run_took_until_it_was_last_heard_of(opened_store: tuple[Store, dict[str, str]]) -> None:
    store, runs = opened_store
    found = queries.find_run(store, runs["lost"])
    assert found and found.work == "lost" and found.started_at and found.last_event_at
    assert labels.run_seconds(found) == (found.last_event_at - found.started_at).total_seconds() < 3600
    going = dataclasses.replace(found, work="running")
    assert labels.run_seconds(going, found.started_at + timedelta(hours=2)) == 7200
