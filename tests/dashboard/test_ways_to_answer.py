"""Teacher, students and verified exports side by side: in numbers, on Overview, in the evidence pack."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from dashboard.figures.quality_against_cost import quality_against_cost
from store import queries
from store.analysis.ways_to_answer import WayToAnswer, ways_to_answer
from store.costs.llm_calls import LLMCall, record_call
from store.database import Store
from store.event_log.journal import append_without_claim
from store.events import AnswerRecord, ExportScore, ExportVerified
from store.report import as_html, as_json, gather
from tests.dashboard import stores
from tests.dashboard.conftest import words_of

Opened = Callable[..., AppTest]
METRIC, BYTES = "choice_accuracy", 145_000_000


def finished(folder: Path, engine: str = "a server") -> tuple[Store, str]:
    """A run with a paid teacher's own answers, and a verified export that lost one answer in forty."""
    store = stores.store_at(folder)
    run = stores.finished(store, stores.long_ago(1), (0.4,), 2, teacher="gpt-4o-mini",
                          arms=("tuned+retrieval", "teacher"), held_out=60)
    for number in range(4):
        record_call(store, LLMCall(f"{number:064}", run, "gpt-4o-mini", "closed book", "An answer.", 100, 50))
    pairs = [pair for pair in queries.answers_of(store, run, 1)
             if pair.tier == "held-out" and pair.scores[METRIC][1] is not None]
    best_first = sorted(pairs, key=lambda one: -(one.scores[METRIC][1] or 0))
    scores = tuple(ExportScore(METRIC, pair.question, score := pair.scores[METRIC][1], score if at else 0.0)
                   for at, pair in enumerate(best_first))
    answers = tuple(AnswerRecord(pair.question, "It is.", None, 12, 0.5, False) for pair in pairs)
    with store.write() as connection:
        append_without_claim(connection, run, ExportVerified(
            "/exports/run-q8_0", engine, "same as measured", "Same as measured.", (), 3,
            len(pairs), (), answers, BYTES, scores), cycle=1)
    return store, run


def ways_of(store: Store, run: str, price: float | None) -> dict[str, WayToAnswer]:
    found = queries.find_run(store, run)
    assert found
    return {one.title: one for one in ways_to_answer(store, found, METRIC, price)}


def test_each_has_its_own_measures_and_what_is_not_known_stays_unknown(tmp_path: Path) -> None:
    store, run = finished(tmp_path)
    ways = ways_of(store, run, None)
    assert list(ways) == ["Teacher", "Student, fine-tuned", "Student, fine-tuned, with retrieval", "run-q8_0"]
    # 4 calls of 100 and 50 tokens at 0.15 and 0.60 USD a million.
    assert ways["Teacher"].usd_per_1000 == pytest.approx(0.045)
    assert all(one.usd_per_1000 is None and one.break_even is None for name, one in ways.items() if name != "Teacher")
    exported = ways["run-q8_0"]
    assert (exported.size_bytes, exported.speed.seconds_p50, exported.speed.tokens_per_second) == (BYTES, 0.5, 24.0)
    row = next(row for row in queries.changes_of(store, run, 1) if (row.tier, row.metric, row.topic) == (
        "held-out", METRIC, ""))
    assert ways["Student, fine-tuned"].score == row.tuned and exported.change and exported.kept
    lost, scored = exported.change.change or 0.0, exported.change.scored
    assert lost == pytest.approx(-1 / scored)
    assert exported.kept.closed == pytest.approx(1 - 1 / scored / (row.change or 0.0))
    assert exported.kept.low is not None and exported.kept.low < exported.kept.closed < 1.0
    assert exported.kept_sentence.startswith("run-q8_0 (145 MB) keeps 9")
    priced = ways_of(store, run, 0.036)["run-q8_0"]
    assert priced.usd_per_1000 == pytest.approx(1000 * 0.5 / 3600 * 0.036) and (priced.break_even or 0) > 0
    assert ways_of(store, run, 100.0)["run-q8_0"].break_even is None  # dearer than the teacher
    store.close()


def test_a_gguf_file_that_was_read_back_by_transformers_has_no_speed_and_no_price(tmp_path: Path) -> None:
    store, run = finished(tmp_path, "transformers 5, dequantized")
    exported = ways_of(store, run, 0.05)["run-q8_0"]
    assert exported.speed.seconds_p50 is exported.usd_per_1000 is None and exported.kept_sentence
    store.close()


def test_the_evidence_pack_has_the_table_and_every_number(tmp_path: Path) -> None:
    store, run = finished(tmp_path)
    evidence = gather(store, run, 0.05)
    assert evidence
    pack = json.loads(as_json(evidence))
    exported = next(one for one in pack["ways_to_answer"] if one["title"] == "run-q8_0")
    assert exported["size_bytes"] == BYTES and pack["machine_usd_per_hour"] == 0.05
    page = as_html(evidence)
    assert "Quality, speed and cost" in page and "keeps 9" in page and "0.0500 USD an hour" in page
    store.close()


def test_overview_asks_for_the_machines_price_and_then_draws_the_chart(tmp_path: Path, opened: Opened) -> None:
    store, run = finished(tmp_path)
    store.close()
    page = opened(tmp_path, "overview", run=run, metric=METRIC)
    said = words_of(page)
    assert "Quality, speed and cost" in said and "run-q8_0 (145 MB) keeps 9" in said
    page.number_input(key="machine price").set_value(0.05).run()
    assert not page.exception and "answers" in words_of(page)


def test_compare_has_the_exports_with_what_they_keep_of_the_gain(tmp_path: Path, opened: Opened) -> None:
    store, run = finished(tmp_path)
    other = stores.finished(store, stores.long_ago(0), (0.2,), 3, held_out=60)
    store.close()
    page = opened(tmp_path, "compare", cycles=f"{run}:1,{other}:1", metric=METRIC)
    said = words_of(page)
    assert not page.exception and "Exports" in said and "Kept of the gain" in said
    (table,) = [one.value for one in page.dataframe if "kept of the gain" in one.value.columns]
    (line,) = table.to_dict("records")
    assert line["who"] == "run-q8_0" and line["MB"] == "145" and " to " in line["kept of the gain"]


def test_the_chart_has_those_with_a_score_and_a_price_on_a_logarithmic_axis(tmp_path: Path) -> None:
    store, run = finished(tmp_path)
    ways = list(ways_of(store, run, 0.05).values())
    figure = quality_against_cost(ways, METRIC)
    assert figure.layout.xaxis.type == "log"
    assert len(figure.data[0].x) == sum(one.score is not None and bool(one.usd_per_1000) for one in ways) >= 3
    assert list(quality_against_cost(list(ways_of(store, run, None).values()), METRIC).data[0].x or ()) in (
        [], [pytest.approx(0.045)])
    store.close()
