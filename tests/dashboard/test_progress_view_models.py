"""View models of running work: time left, stage board, event sentences, past stages."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import pytest

from dashboard.view_models import event_sentences, stage_board, time_remaining
from dashboard.view_models.time_remaining import Estimate, Remaining
from store import queries
from store.database import Store
from store.events import KINDS
from store.queries import PastStage
from store.run_config import RunConfig
from tests.dashboard import stores


@pytest.fixture(scope="module")
def opened_store(all_states: tuple[Path, dict[str, str]]) -> Iterator[tuple[Store, dict[str, str]]]:
    folder, runs = all_states
    store = stores.store_at(folder)
    yield store, runs
    store.close()


CONFIG = RunConfig(questions=10, held_out=12)


def past(seconds: float, run: str = "other", config: RunConfig = CONFIG, stage: str = "tuned") -> PastStage:
    return PastStage(run, config, 1, stage, seconds)


def test_an_estimate_spans_from_the_fastest_to_the_slowest_past() -> None:
    found = time_remaining.estimate([Remaining("tuned"), Remaining("tuned")], "mine", CONFIG, [past(10), past(20)])
    assert found == Estimate(20, 40, 0)


def test_a_lone_past_is_widened() -> None:
    assert time_remaining.estimate([Remaining("tuned")], "mine", CONFIG, [past(10)]) == Estimate(8, 12, 0)


def test_runs_of_another_size_say_nothing_but_the_own_run_always_does() -> None:
    larger = dataclasses.replace(CONFIG, questions=50)
    assert time_remaining.estimate([Remaining("tuned")], "mine", CONFIG, [past(100, config=larger)]) is None
    assert time_remaining.estimate([Remaining("tuned")], "mine", CONFIG, [past(10, "mine", larger)]) == Estimate(8, 12,
                                                                                                                 0)


def test_the_running_stage_is_judged_by_its_own_pace() -> None:
    found = time_remaining.estimate([Remaining("tuned", 0.5, 30, at_its_pace=30)], "mine", CONFIG, [past(1000)])
    assert found == Estimate(24, 36, 0)


def test_a_stage_that_has_just_begun_again_is_judged_by_its_past_and_by_what_is_left_of_it() -> None:
    """40 of 50 answers are from an earlier attempt and do not count for this attempt's speed."""
    again = Remaining("tuned", share_done=0.8, elapsed=1, at_its_pace=None)
    assert time_remaining.estimate([again], "mine", CONFIG, [past(90), past(110)]) == Estimate(
        pytest.approx(18), pytest.approx(22), 0)
    assert time_remaining.estimate([again], "mine", CONFIG, []) is None


def test_stages_without_a_past_are_counted() -> None:
    found = time_remaining.estimate([Remaining("tuned"), Remaining("new")], "mine", CONFIG, [past(10), past(10)])
    assert found == Estimate(10, 10, 1)
    assert time_remaining.time_left(found) == "at least about 10 s left, not counting 1 stage that has never run"
    assert "unknown" in time_remaining.time_left(None)


def test_time_left_never_goes_below_zero() -> None:
    found = time_remaining.estimate([Remaining("tuned", elapsed=100)], "mine", CONFIG, [past(10), past(20)])
    assert found == Estimate(0, 0, 0)


def board_of(store: Store, name: str) -> list[stage_board.Cell]:
    run = queries.find_run(store, name)
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
    assert states == {"finished", "failed", stage_board.LEFT_OUT}


def test_the_board_keeps_the_order_of_the_work(opened_store: tuple[Store, dict[str, str]]) -> None:
    store, runs = opened_store
    cells = board_of(store, runs["finished"])
    assert (cells[0].stage, cells[-1].stage) == ("held-out", "final-report")
    assert [cell.cycle for cell in cells] == [*sorted(cell.cycle for cell in cells[:-1]), 0]


def test_a_queued_run_has_no_board_yet(opened_store: tuple[Store, dict[str, str]]) -> None:
    store, runs = opened_store
    assert board_of(store, runs["queued"]) == []
    assert stage_board.share_done([]) == 0.0


def test_every_kind_of_event_has_a_sentence(opened_store: tuple[Store, dict[str, str]]) -> None:
    store, runs = opened_store
    silent = {"MetricLogged", "StageProgressed"}
    assert {kind.event_type for kind in event_sentences._DESCRIPTIONS} == set(KINDS) - silent
    for run in runs.values():
        for line in event_sentences.table(queries.latest_events(store, run)):
            assert line["what"]


def test_the_log_is_newest_first_without_series(opened_store: tuple[Store, dict[str, str]]) -> None:
    store, runs = opened_store
    happenings = queries.latest_events(store, runs["finished"], limit=5)
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
    long = [item for item in queries.latest_events(store, runs["hostile"]) if item.event is None]
    assert {"AnswersGiven"} <= {item.kind for item in long}
    assert event_sentences.describe(long[0]) == "answers given" or event_sentences.describe(long[0])


def test_past_stages_carry_their_configuration(opened_store: tuple[Store, dict[str, str]]) -> None:
    store, runs = opened_store
    rows = [row for row in queries.past_stages(store) if row.run == runs["small"]]
    assert {row.config.held_out for row in rows} == {12}
    assert all(row.seconds > 0 for row in rows)
