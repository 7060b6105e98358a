"""The benchmarks' own arithmetic: what they say of a record and of a goal."""

from __future__ import annotations

import pytest

from store.events import (
    CycleFinished, CycleStarted, Event, Recorded, RunFinished, RunRequested, StageFinished, StageStarted,
)
from tests.bench.cycle import rows_of
from tests.bench.generation import answer_tokens
from tests.bench.row import Row


@pytest.mark.parametrize(("row", "met"), [
    (Row("a", 2.9, "s", goal="< 3 s"), True), (Row("a", 3.0, "s", goal="< 3 s"), False),
    (Row("a", 7.0, "/s", 0.9, "b", ">= 0.90 x"), True), (Row("a", 7.0, "/s", 0.89, "b", ">= 0.90 x"), False),
    (Row("a", 1.0, "nats", 1.0, "b", "the same"), None), (Row("a", 1.0, "s"), None)])
def test_a_goal_is_reached_or_not_by_the_figure_that_it_names(row: Row, met: bool | None) -> None:
    assert row.met is met


def test_what_is_neither_answering_nor_training_nor_judging_is_everything_else() -> None:
    """100 s: 40 of answers with 4 of loading in them, 30 of training with 5, 20 of judging, 6 of the teacher.

    The cycle is the run without the second before and the 3 after it.
    """
    at, history = 0, list[Recorded]()

    def say(event: Event, stage: str | None = None, passed: int = 0) -> None:
        nonlocal at
        at += passed
        moment = f"2026-01-01T00:{at // 60:02d}:{at % 60:02d}.000000Z"
        history.append(Recorded("r", len(history) + 1, 1, stage, moment, event))

    say(RunRequested({}, "test"))
    say(CycleStarted(), passed=1)
    for stage, doer, seconds, loading in (("questions", "teacher", 6, 0), ("tuned", "student", 40, 4),
                                          ("fine-tune", "trainer", 30, 5), ("tuned-evaluation", "judge", 20, 0)):
        say(StageStarted(doer), stage)
        say(StageFinished(seconds, "a.json", 1, "aa", "bb", False, loading), stage, seconds)
    say(CycleFinished("finished", "improved", "It did.", None, 30.0, 96.0))
    say(RunFinished("improved", "It did.", 100.0), passed=3)
    rows = rows_of(history)
    found = {row.what: row.measured for row in rows[: len(rows) // 2]}
    assert found["of it answers"] == 36 and found["of it training"] == 25 and found["of it judging"] == 20
    assert found["of it loading models and their libraries"] == 9
    assert found["of it everything else"] == 10  # the teacher's 6, and 4 between stages
    assert found["of it everything else, loading included"] == 19
    cycle = {row.what: row.measured for row in rows[len(rows) // 2 :]}
    assert cycle["cycle 1 alone"] == 96 and cycle["of it answers"] == 36
    assert cycle["of it everything else, loading included"] == pytest.approx(100 * 15 / 96)


@pytest.mark.parametrize(("row", "tokens"), [([5, 6, 2, 2, 2], 2), ([5, 6, 7], 3), ([2, 5], 0), ([5, 0, 7], 1)])
def test_end_token_and_padding_do_not_count_as_answer_tokens(row: list[int], tokens: int) -> None:
    assert answer_tokens(row, (2, 0)) == tokens
