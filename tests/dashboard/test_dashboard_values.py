"""The pure parts: exports, filters, estimates, the board's states, the log's sentences, number formats."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from dashboard import answer_choice, comparing, estimate, export, log_lines, stage_board, text
from dashboard.answer_choice import Choice
from dashboard.estimate import Estimate, Remaining
from store import queries
from store.config import RunConfig
from store.database import Store
from store.queries import AnswerPair, PastStage
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
    (written,) = csv.DictReader(io.StringIO(export.to_csv([{"text": cell}]), newline=""))
    assert written["text"].startswith("'")


def test_numbers_stay_numbers_and_missing_stays_empty() -> None:
    (written,) = csv.DictReader(io.StringIO(export.to_csv([{"change": -0.25, "low": None, "text": "a,b\n\"c\""}])))
    assert written == {"change": "-0.25", "low": "", "text": "a,b\n\"c\""}


def test_json_keeps_what_was_said_exactly() -> None:
    assert json.loads(export.to_json([{"text": stores.FORMULA}])) == [{"text": stores.FORMULA}]


def test_a_hostile_run_exports_without_formulas(opened_store: tuple[Store, dict[str, str]]) -> None:
    store, runs = opened_store
    pairs = queries.answers_of(store, runs["hostile"], 1)
    rows = list(csv.DictReader(io.StringIO(export.to_csv(export.answer_rows(pairs)), newline="")))
    assert len(rows) == len(pairs) == 22
    assert not [cell for row in rows for cell in row.values() if cell and cell[0] in "=@\t"]
    assert any(len(row["tuned"]) == 100_000 for row in rows)


def test_runs_export_with_their_whole_configuration(opened_store: tuple[Store, dict[str, str]]) -> None:
    rows = export.run_rows(queries.all_runs(opened_store[0]))
    assert len(rows) == 9
    assert {f"config_{field.name}" for field in dataclasses.fields(RunConfig)} <= set(rows[0])


def test_outcomes_follow_the_tie_band_and_the_direction() -> None:
    assert answer_choice.outcome(pair(after=0.505), "answer_similarity") == "same"
    assert answer_choice.outcome(pair(after=0.6), "answer_similarity") == "better"
    assert answer_choice.outcome(pair(after=None), "answer_similarity") == "missing"
    surprised = dataclasses.replace(pair(), scores={"reference_nll": (3.0, 4.0)})
    assert answer_choice.outcome(surprised, "reference_nll") == "worse"


def test_the_worst_come_first_and_the_missing_last() -> None:
    pairs = [pair("good", after=0.9), pair("gone", after=None), pair("bad", after=0.1), pair("flat", after=0.5)]
    chosen = answer_choice.chosen(pairs, Choice(), "answer_similarity")
    assert [item.question for item in chosen] == ["bad", "flat", "good", "gone"]


def test_filters_hold_together() -> None:
    pairs = [pair("a"), pair("b", topic="rbac"), pair("c", tier="practice"), pair("d", tuned="a secret is mounted")]

    def names(choice: Choice) -> list[str]:
        return [item.question for item in answer_choice.chosen(pairs, choice, "answer_similarity")]
    assert names(Choice(tier="practice")) == ["c"]
    assert names(Choice(topic="rbac")) == ["b"]
    assert names(Choice(words="SECRET")) == ["d"]
    assert names(Choice(outcome="worse")) == []


def test_differences_are_shown_word_by_word() -> None:
    assert answer_choice.word_difference("the Pod stops", "the Pod restarts now") == (
        "the Pod [-stops-]{+restarts now+}")
    assert answer_choice.word_difference("same words", "same words") == "same words"
    assert answer_choice.word_difference("a" * 5000, "b") is None


CONFIG = RunConfig(questions=10, held_out=12)


def past(seconds: float, run: str = "other", config: RunConfig = CONFIG, stage: str = "tuned") -> PastStage:
    return PastStage(run, config, 1, stage, seconds)


def test_an_estimate_spans_from_the_fastest_to_the_slowest_past() -> None:
    found = estimate.estimate([Remaining("tuned"), Remaining("tuned")], "mine", CONFIG, [past(10), past(20)])
    assert found == Estimate(20, 40, 0)


def test_a_lone_past_is_widened() -> None:
    assert estimate.estimate([Remaining("tuned")], "mine", CONFIG, [past(10)]) == Estimate(8, 12, 0)


def test_runs_of_another_size_say_nothing_but_the_own_run_always_does() -> None:
    larger = dataclasses.replace(CONFIG, questions=50)
    assert estimate.estimate([Remaining("tuned")], "mine", CONFIG, [past(100, config=larger)]) is None
    assert estimate.estimate([Remaining("tuned")], "mine", CONFIG, [past(10, "mine", larger)]) == Estimate(8, 12, 0)


def test_the_running_stage_is_judged_by_its_own_pace() -> None:
    found = estimate.estimate([Remaining("tuned", share_done=0.5, elapsed=30)], "mine", CONFIG, [past(1000)])
    assert found == Estimate(24, 36, 0)


def test_stages_without_a_past_are_counted() -> None:
    found = estimate.estimate([Remaining("tuned"), Remaining("new")], "mine", CONFIG, [past(10), past(10)])
    assert found == Estimate(10, 10, 1)
    assert text.time_left(found) == "at least about 10 s left; 1 stage without a past to go by"
    assert "unknown" in text.time_left(None)


def test_time_left_never_goes_below_zero() -> None:
    found = estimate.estimate([Remaining("tuned", elapsed=100)], "mine", CONFIG, [past(10), past(20)])
    assert found == Estimate(0, 0, 0)


def board_of(store: Store, name: str) -> list[stage_board.Cell]:
    run = queries.run_named(store, name)
    assert run
    return stage_board.board(run, queries.stages_of(store, name), queries.cycles_of(store, name))


def test_the_board_of_a_finished_run_is_done(opened_store: tuple[Store, dict[str, str]]) -> None:
    store, runs = opened_store
    cells = board_of(store, runs["finished"])
    assert {cell.state for cell in cells} == {"finished"}
    assert stage_board.share_done(cells) == 1.0
    assert stage_board.remaining(cells) == []


def test_the_board_of_a_failed_run_leaves_the_rest_out(opened_store: tuple[Store, dict[str, str]]) -> None:
    store, runs = opened_store
    states = {cell.state for cell in board_of(store, runs["failed"])}
    assert states == {"finished", stage_board.LEFT_OUT}


def test_the_board_keeps_the_order_of_the_work(opened_store: tuple[Store, dict[str, str]]) -> None:
    store, runs = opened_store
    cells = board_of(store, runs["finished"])
    assert (cells[0].stage, cells[-1].stage) == ("held-out", "final-report")
    assert [cell.cycle for cell in cells] == sorted(cell.cycle for cell in cells[:-1]) + [0]


def test_a_queued_run_has_no_board_yet(opened_store: tuple[Store, dict[str, str]]) -> None:
    store, runs = opened_store
    assert board_of(store, runs["queued"]) == []
    assert stage_board.share_done([]) == 0.0


def test_every_kind_of_event_has_a_sentence(opened_store: tuple[Store, dict[str, str]]) -> None:
    store, runs = opened_store
    from store.events import KINDS
    silent = {"MetricLogged", "StageProgressed"}
    assert {kind.__name__ for kind in log_lines._TOLD} == set(KINDS) - silent
    for run in runs.values():
        for line in log_lines.table(queries.happenings(store, run)):
            assert line["what"]


def test_the_log_is_newest_first_without_series(opened_store: tuple[Store, dict[str, str]]) -> None:
    store, runs = opened_store
    happenings = queries.happenings(store, runs["finished"], limit=5)
    assert len(happenings) == 5
    assert happenings[0].kind == "RunFinished"
    assert [item.id for item in happenings] == sorted((item.id for item in happenings), reverse=True)


def test_incidents_are_what_went_wrong(opened_store: tuple[Store, dict[str, str]]) -> None:
    store, runs = opened_store
    assert [item.kind for item in queries.incidents(store, runs["failed"])] == [
        "RunFailed", "StageFailed", "RecoveryTaken"]
    assert queries.incidents(store, runs["finished"]) == []


def test_a_payload_too_long_for_a_log_is_named_only(opened_store: tuple[Store, dict[str, str]]) -> None:
    store, runs = opened_store
    long = [item for item in queries.happenings(store, runs["hostile"]) if item.event is None]
    assert {"AnswersGiven"} <= {item.kind for item in long}
    assert log_lines.told(long[0]) == "answers given" or log_lines.told(long[0])


def test_past_stages_carry_their_configuration(opened_store: tuple[Store, dict[str, str]]) -> None:
    store, runs = opened_store
    rows = [row for row in queries.past_stages(store) if row.run == runs["small"]]
    assert {row.config.held_out for row in rows} == {12}
    assert all(row.seconds > 0 for row in rows)


def test_only_differing_settings_are_compared(opened_store: tuple[Store, dict[str, str]]) -> None:
    store, runs = opened_store
    chosen = [queries.run_named(store, runs[name]) for name in ("finished", "small")]
    rows = comparing.differences([run for run in chosen if run])
    assert {row["setting"] for row in rows} == {"held out", "cycles"}


def test_cycles_of_different_runs_are_never_joined(opened_store: tuple[Store, dict[str, str]]) -> None:
    store, runs = opened_store
    found = [queries.run_named(store, runs[name]) for name in ("finished", "finished", "small", "finished")]
    picked = [comparing.Picked(run, cycle, ()) for cycle, run in enumerate(found, 1) if run]
    assert comparing.joinable(picked, "held-out") == [[0, 1, 3]]
    assert comparing.joinable(picked, "practice") == []
    assert comparing.held_out_sets(picked) == 2


def test_numbers_are_written_for_people() -> None:
    assert text.number(None) == text.DASH
    assert text.change(-0.25) == "−0.25"
    assert text.duration(4.2) == "4.2 s"
    assert text.duration(125) == "2 min 5 s"
    assert text.duration(4200) == "1 h 10 min"
    assert text.coverage(9, 10) == "n = 9 of 10, 1 missing"
    assert text.ago(None) == "never"
    assert text.moment(datetime(2026, 1, 2, 3, 4, tzinfo=UTC)) == "2026-01-02 03:04 UTC"


def test_an_unknown_state_keeps_its_own_name() -> None:
    assert text.work("melted").word == "melted"
    assert text.verdict("odd").word == "odd"
