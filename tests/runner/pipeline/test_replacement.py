"""Whether a student may replace its teacher, and the parts of its gain: from scores to pages, report and JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from runner.cli.summary import as_json, as_lines
from runner.pipeline.stages.teacher_replacement import replacements, shares
from store import queries, report
from store.analysis.teacher_replacement import how_compared, replacement_sentence, replacement_verdict
from store.control_arms import PLACEBO, TEACHER, TUNED, TUNED_RETRIEVAL
from store.database import open_for_reading
from store.event_log.journal import read_events
from store.events import ControlArmsCompared, QuestionRecord
from store.projections.rebuild import rebuild
from store.run_config import NO_MARGIN, RunConfig
from tests.addresses import address_in
from tests.dashboard import stores

COUNT = 120
TEST = [QuestionRecord(f"q{n}", "paraphrase", "pods", "?", f"p{n}", "Pod", "A Pod.", "a", "A Pod.", ())
        for n in range(COUNT)]
TRAINED = [QuestionRecord(f"t{n}", "practice", "pods", "?", f"p{n}", "Pod", "A Pod.", "a", "A Pod.", ())
           for n in range(COUNT)]


def scores(metric: str, right: Mapping[str, int], trained: Mapping[str, int] | None = None,
           ) -> dict[tuple[str, str, str], float | None]:
    """Right-or-wrong scores: each arm is right on so many of the first questions."""
    found: dict[tuple[str, str, str], float | None] = {
        (arm, f"q{n}", metric): float(n < known) for arm, known in right.items() for n in range(COUNT)}
    return found | {(arm, f"t{n}", metric): float(n < known) for arm, known in (trained or {}).items()
                    for n in range(COUNT)}


@pytest.mark.parametrize(("right", "verdict"), [
    ({TUNED: 100, TEACHER: 100}, "replaces"), ({TUNED: 110, TEACHER: 100}, "replaces"),
    ({TUNED: 40, TEACHER: 100}, "falls short"), ({TUNED: 94, TEACHER: 100}, "inconclusive"),
])
def test_a_student_is_compared_with_its_teacher_by_what_both_have(right: dict[str, int], verdict: str) -> None:
    config = RunConfig(arms=(TEACHER,), teacher="gpt-4o-mini")
    unscored = {(TEACHER, f"q{n}", "choice_accuracy"): None for n in range(COUNT)}
    (found,) = replacements(TEST, scores("fact_recall", right) | unscored, config)
    assert (found.metric, found.verdict, found.margin, found.by_construction) == ("fact_recall", verdict, 0.05, False)
    assert "key terms" in how_compared(found) and f"n = {COUNT}" in replacement_sentence(found)
    (judged,) = replacements(TEST, scores("fact_recall", right) | scores("factual_correctness", right), config)
    assert judged.metric == "factual_correctness" and "judge model" in how_compared(judged)
    if verdict == "falls short":
        assert replacement_verdict(found) == "falls short by 0.50"
    if verdict == "inconclusive":
        assert f"about {found.needed:,} questions would certify" in replacement_sentence(found)


def test_with_retrieval_there_are_two_students_and_each_interval_is_wider() -> None:
    config = RunConfig(arms=(TUNED_RETRIEVAL, TEACHER))
    found = replacements(TEST, scores("fact_recall", {TUNED: 60, TUNED_RETRIEVAL: 112, TEACHER: 110}), config)
    assert [(one.arm, one.verdict, one.confidence) for one in found] == [
        (TUNED, "falls short", 0.975), (TUNED_RETRIEVAL, "replaces", 0.975)]
    assert all(one.by_construction and "compares with the references" in replacement_sentence(one) for one in found)


def test_nothing_is_compared_without_a_teacher_or_a_margin() -> None:
    both = scores("fact_recall", {TUNED: 60, TEACHER: 110})
    assert replacements(TEST, both, RunConfig()) == []
    assert replacements(TEST, scores("fact_recall", {TUNED: 60}), RunConfig(arms=(TEACHER,))) == []
    assert replacements(TEST, both, RunConfig(arms=(TEACHER,), margin=NO_MARGIN)) == []


def test_the_gain_is_split_over_the_facts_of_the_last_cycle() -> None:
    config, right = RunConfig(arms=(PLACEBO,)), {"baseline": 30, PLACEBO: 36, TUNED: 84}
    found = shares(TEST, TRAINED, scores("choice_accuracy", right, {"baseline": 30, TUNED: 96}), config)
    assert {one.part: (round(one.gain, 3), round(one.share or 0, 3)) for one in found} == {
        "wording": (0.05, 0.091), "knowledge": (0.4, 0.727), "memory": (0.1, 0.182)}
    assert {(one.facts, one.asked) for one in found} == {(COUNT, COUNT)}
    fewer = shares(TEST, TRAINED[:40], scores("choice_accuracy", right, {"baseline": 30, TUNED: 96}), config)
    assert {(one.facts, one.asked) for one in fewer} == {(40, 40)}


@pytest.mark.parametrize("changes", [{"arms": ()}, {"arms": (PLACEBO,), "headline_tier": "held-out"}])
def test_it_is_not_split_without_a_placebo_or_on_facts_never_taught(changes: dict[str, object]) -> None:
    given = scores("choice_accuracy", {"baseline": 30, PLACEBO: 36, TUNED: 84}, {"baseline": 30, TUNED: 96})
    assert shares(TEST, TRAINED, given, RunConfig(**changes)) == []  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    folder = tmp_path_factory.mktemp("arms")
    store = stores.store_at(folder)
    run = stores.with_arms(store, stores.long_ago(2))
    store.close()
    return folder, run


def test_they_are_read_models_that_a_rebuild_gives_again(stored: tuple[Path, str]) -> None:
    folder, run = stored
    store = stores.store_at(folder)
    before = queries.replacements_of(store, run), queries.gain_shares_of(store, run)
    with store.write() as connection:
        rebuild(connection)
    assert before == (queries.replacements_of(store, run), queries.gain_shares_of(store, run))
    assert [one.arm for one in before[0]] == [TUNED, TUNED_RETRIEVAL]
    assert [one.part for one in before[1]] == ["wording", "knowledge", "memory"]
    (event,) = [item.event for item in read_events(store, run) if isinstance(item.event, ControlArmsCompared)]
    assert len(event.replacements) == 2
    store.close()


def test_report_and_command_line_have_both(stored: tuple[Path, str]) -> None:
    folder, run = stored
    store = open_for_reading(address_in(folder))
    try:
        evidence = report.gather(store, run)
        assert evidence is not None
        page, pack, told = report.as_html(evidence), json.loads(report.as_json(evidence)), as_json(store, run)
        lines = "\n".join(as_lines(store, run))
    finally:
        store.close()
    found = evidence.replacements[0]
    assert [one["verdict"] for one in pack["replacements"]] == [one["verdict"] for one in told["replacement"]]
    assert "May the student replace its teacher?" in page and "Knowledge or style" in page
    for text in (page, lines):
        assert replacement_verdict(found) in text.lower().replace("\u2212", "-") and "Knowledge: +0.30" in text
    assert [one["part"] for one in told["gain_shares"]] == [one["part"] for one in pack["shares"]]


def test_overview_shows_both(stored: tuple[Path, str], monkeypatch: pytest.MonkeyPatch) -> None:
    folder, run = stored
    monkeypatch.setenv("DATA_DIR", str(folder))
    monkeypatch.setenv("STORE_URL", address_in(folder))
    app = AppTest.from_file(str(Path(__file__).parents[3] / "dashboard" / "app.py"), default_timeout=600)
    app.query_params["run"] = run
    app.run()
    assert not app.exception
    heads = [one.value for one in app.subheader]
    assert "May the student replace its teacher?" in heads and "Knowledge or style?" in heads
    assert any("Knowledge: +0.30, 0.60 of the gain" in chart.proto.spec for chart in app.get("plotly_chart"))


