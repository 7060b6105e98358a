"""View models of running work: time left, stage board, event sentences, past stages."""

from __future__ import annotations

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


def estimate(remaining: list[Remaining], pasts: list[PastStage]) -> Estimate | None:
    return time_remaining.estimate(remaining, "mine", CONFIG, pasts)


def about(seconds: float, low: float, high: float, unknown: int = 0) -> Estimate:
    return Estimate(*map(pytest.approx, (seconds, low, high)), unknown)  # type: ignore[arg-type]


def test_an_estimate_is_the_middle_of_the_past_with_its_range() -> None:
    assert estimate([Remaining("tuned"), Remaining("tuned")], [past(10), past(20)]) == about(30, 20, 40)


def test_a_lone_past_is_widened() -> None:
    assert estimate([Remaining("tuned")], [past(10)]) == about(10, 8, 12)


def test_the_running_stage_is_judged_by_its_own_pace() -> None:
    assert estimate([Remaining("tuned", 0.5, 30, at_its_pace=30)], [past(1000)]) == about(30, 24, 36)


def test_a_stage_that_has_just_begun_again_is_judged_by_its_past_and_by_what_is_left_of_it() -> None:
    """40 of 50 answers are from an earlier attempt and do not count for this attempt's speed."""
    again = Remaining("tuned", share_done=0.8, elapsed=1, at_its_pace=None)
    assert estimate([again], [past(90), past(110)]) == about(20, 18, 22)
    assert estimate([again], []) is None


def test_stages_without_a_past_are_counted() -> None:
    found = estimate([Remaining("tuned"), Remaining("new")], [past(10), past(10)])
    assert found == about(10, 10, 10, 1)
    assert time_remaining.time_left(found) == "at least about 10 s left, not counting 1 stage that has never run"
    assert "unknown" in time_remaining.time_left(None)


def test_the_time_left_is_one_number_with_its_range() -> None:
    assert time_remaining.time_left(Estimate(240, 180, 300, 0)) == "about 4 min left (3 min to 5 min)"
    assert estimate([Remaining("tuned", elapsed=100)], [past(10), past(20)]) == about(0, 0, 0)


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
            assert line["what"] and list(line) == ["when", "what", "where"], "a phone shows the first two"


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


def test_the_log_of_one_day_has_the_times_alone() -> None:
    lines = [{"when": "2026-01-02 03:04:05", "where": "Run", "what": "Started"}]
    assert event_sentences.without_day(lines) == ("2026-01-02", [{**lines[0], "when": "03:04:05"}])
    several = [*lines, {**lines[0], "when": "2026-01-03 00:00:01"}]
    assert event_sentences.without_day(several) == ("", several)
