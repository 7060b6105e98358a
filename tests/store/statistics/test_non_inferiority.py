"""A student that loses the margin is hardly ever certified; one that loses half of it is, with the questions named."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from store.statistics import FALLS_SHORT, INCONCLUSIVE, NOT_MEASURED, REPLACES, TOO_FEW, non_inferiority

MARGIN = 0.05
Draw = Callable[[np.random.Generator, int, float], tuple[np.ndarray, np.ndarray]]


def key_terms(rng: np.random.Generator, count: int, loss: float) -> tuple[np.ndarray, np.ndarray]:
    """Fact recall of four terms a question; the student knows fewer of them."""
    return rng.binomial(4, 0.8 - loss, count) / 4, rng.binomial(4, 0.8, count) / 4


def right_or_wrong(rng: np.random.Generator, count: int, loss: float) -> tuple[np.ndarray, np.ndarray]:
    """Both know 60% of the questions; of the others each knows some."""
    both = rng.random(count) < 0.6
    teacher, student = (both | (rng.random(count) < share) for share in (0.3, 0.3 - loss / 0.4))
    return student.astype(float), teacher.astype(float)


def rare_failures(rng: np.random.Generator, count: int, loss: float) -> tuple[np.ndarray, np.ndarray]:
    """The student fails wholly where it fails at all."""
    return 1.0 - (rng.random(count) < loss), np.ones(count)


def graded(rng: np.random.Generator, count: int, loss: float) -> tuple[np.ndarray, np.ndarray]:
    teacher = rng.normal(0.7, 0.2, count)
    return teacher - loss + rng.normal(0, 0.15, count), teacher


DRAWS = (key_terms, right_or_wrong, rare_failures, graded)


def verdict(scores: tuple[np.ndarray, np.ndarray]) -> str:
    student, teacher = scores
    return non_inferiority(student.tolist(), teacher.tolist(), range(len(student)), MARGIN).verdict


@pytest.mark.parametrize("draw", DRAWS)
@pytest.mark.parametrize("count", [12, 60, 80, 300])
def test_a_student_at_the_margin_is_certified_at_most_5_in_100(draw: Draw, count: int) -> None:
    rng = np.random.default_rng(count)
    certified = sum(verdict(draw(rng, count, MARGIN)) == REPLACES for _ in range(400))
    assert certified <= 0.05 * 400, certified / 400


@pytest.mark.parametrize("draw", DRAWS)
def test_a_student_at_half_the_margin_is_certified_with_the_questions_that_it_names(draw: Draw) -> None:
    rng, certified, pilots = np.random.default_rng(7), 0, 15
    for _ in range(pilots):
        student, teacher = draw(rng, 150, MARGIN / 2)
        needed = non_inferiority(student.tolist(), teacher.tolist(), range(150), MARGIN).needed
        assert needed is not None and 100 < needed < 4_000
        certified += sum(verdict(draw(rng, needed, MARGIN / 2)) == REPLACES for _ in range(12))
    assert certified >= 0.8 * 12 * pilots, certified / (12 * pilots)


def test_it_says_which_of_both_by_how_much_and_how_sure() -> None:
    rng = np.random.default_rng(8)
    worse = non_inferiority(*[scores.tolist() for scores in key_terms(rng, 200, 0.3)], range(200), MARGIN)
    assert worse.verdict == FALLS_SHORT and worse.difference is not None and worse.difference < -0.2
    assert worse.high is not None and worse.high < -MARGIN and worse.confidence == 0.95
    same = non_inferiority([0.8] * 80, [0.8] * 80, range(80), MARGIN)
    assert same.verdict == REPLACES and same.low is not None and -MARGIN < same.low < 0
    few = non_inferiority([0.8] * 60, [0.8] * 60, range(60), MARGIN)
    assert few.verdict == INCONCLUSIVE, "60 questions may hold none of the 5% that fail"
    assert non_inferiority([1.0] * 5, [1.0] * 5, range(5), MARGIN).verdict == TOO_FEW
    none = non_inferiority([None, 1.0], [1.0, None], range(2), MARGIN)
    assert (none.verdict, none.scored, none.asked, none.difference) == (NOT_MEASURED, 0, 2, None)


def test_two_students_share_the_level_and_a_lower_score_may_be_better() -> None:
    rng = np.random.default_rng(9)
    student, teacher = (scores.tolist() for scores in graded(rng, 200, 0.03))
    one = non_inferiority(student, teacher, range(200), MARGIN)
    of_two = non_inferiority(student, teacher, range(200), MARGIN, students=2)
    assert of_two.confidence == 0.975 and of_two.low is not None and one.low is not None and of_two.low < one.low
    losses = non_inferiority([-score for score in student], [-score for score in teacher], range(200), MARGIN, -1)
    assert (losses.difference, losses.verdict) == (one.difference, one.verdict)
