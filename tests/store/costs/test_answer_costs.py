"""Seconds, prices and break-even of answers; what is not known stays unknown."""

from __future__ import annotations

import pytest

from store.costs.answer_costs import Timing, machine_usd_per_1000, speed_of
from store.costs.break_even import break_even


def test_speed_is_over_the_answers_that_were_timed() -> None:
    speed = speed_of([*(Timing(10, 1.0) for _ in range(19)), Timing(10, 21.0), Timing(5, 0.0)])
    assert (speed.answers, speed.seconds_p50, speed.mean_seconds) == (20, 1.0, 2.0)
    assert speed.tokens_per_second == 200 / 40
    assert speed.seconds_p95 == pytest.approx(2.0)  # between the 19th and the 20th answer
    nothing = speed_of([Timing(5, 0.0)])
    assert nothing.answers == 0 and nothing.seconds_p50 is nothing.tokens_per_second is None


@pytest.mark.parametrize(("seconds", "price", "usd"), [
    (3.6, 2.0, 2.0), (0.36, 0.5, 0.05), (1.0, 0.0, 0.0), (None, 2.0, None), (3.6, None, None)])
def test_a_students_answers_cost_the_machines_time(seconds: float | None, price: float | None,
                                                   usd: float | None) -> None:
    found = machine_usd_per_1000(seconds, price)
    assert found == (None if usd is None else pytest.approx(usd))


@pytest.mark.parametrize(("making", "teacher", "student", "answers"), [
    (10.0, 3.0, 1.0, 5000), (0.0, 3.0, 1.0, 0), (1.0, 3.0, 2.7, 3334), (10.0, 1.0, 1.0, None), (10.0, 1.0, 3.0, None),
    (None, 3.0, 1.0, None), (10.0, None, 1.0, None), (10.0, 3.0, None, None)])
def test_break_even_is_where_making_it_is_paid_for(making: float | None, teacher: float | None,
                                                   student: float | None, answers: int | None) -> None:
    assert break_even(making, teacher, student) == answers
