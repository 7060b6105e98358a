"""Gap closed: a ratio only where there is a gap, with an interval that keeps its promise."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from store.statistics import gap_closed
from store.statistics.clustered_interval import cluster_codes, cr2_mean


def test_half_of_the_way_is_a_half() -> None:
    start, way = [0.1, 0.2, 0.3, 0.2, 0.1, 0.3], [0.6, 0.5, 0.7, 0.65, 0.55, 0.62]
    found = gap_closed(start, [s + w / 2 for s, w in zip(start, way, strict=True)],
                       [s + w for s, w in zip(start, way, strict=True)], range(6))
    assert found.closed == pytest.approx(0.5) and found.low == pytest.approx(0.5) == found.high  # no noise in the share
    assert (found.scored, found.asked, found.missing) == (6, 6, None)


def test_where_less_is_better_the_way_is_counted_downwards() -> None:
    start, way = [3.0, 3.5, 4.0, 3.2, 3.8, 3.1], [2.0, 2.2, 1.9, 2.1, 2.4, 2.3]
    found = gap_closed(start, [s - w / 2 for s, w in zip(start, way, strict=True)],
                       [s - w for s, w in zip(start, way, strict=True)], range(6), better=-1)
    assert found.closed == pytest.approx(0.5)


def test_no_ratio_where_the_teacher_is_not_clearly_above() -> None:
    rng = np.random.default_rng(3)
    start = list(rng.random(20))
    for teacher in ([s + d for s, d in zip(start, rng.normal(0.02, 0.3, 20))], [s - 0.4 for s in start]):
        found = gap_closed(start, [s + 0.2 for s in start], teacher, range(20))
        assert found.closed is None and found.low is None and "not clearly above" in (found.missing or "")
        assert found.teacher == pytest.approx(np.mean(teacher))  # the means stay


def test_missing_scores_are_counted_and_too_few_are_no_ratio() -> None:
    found = gap_closed([0.0, 0.1, 0.0, None, 0.0, 0.2, 0.1], [0.5] * 7, [1.0, 0.9, 1.0, 0.8, None, 1.0, 1.0], range(7))
    assert (found.scored, found.asked, found.closed) == (5, 7, None) and "fewer than 6" in (found.missing or "")


def test_an_unchanged_score_is_no_certainty_that_nothing_was_closed() -> None:
    found = gap_closed([0.0] * 8, [0.0] * 8, [1.0, 0.9, 1.0, 0.8, 1.0, 0.7, 1.0, 0.9], range(8))
    assert found.closed == 0.0 and found.low is not None and found.high is not None
    assert found.low < -0.1 and found.high > 0.1


def test_a_metric_that_no_teacher_can_have_says_so() -> None:
    found = gap_closed([0.1] * 8, [0.2] * 8, [None] * 8, range(8))
    assert (found.scored, found.closed, found.missing) == (0, None, "the teacher has no score by this metric")


def test_there_is_a_ratio_only_where_the_denominators_own_interval_is_above_zero() -> None:
    rng = np.random.default_rng(11)
    given = refused = 0
    for _ in range(300):
        count = int(rng.integers(6, 20))
        clusters = rng.integers(0, max(3, count // 2), count).tolist()
        start, teacher = rng.random(count), rng.random(count) + rng.normal(0.15, 0.2)
        numbers = cluster_codes(clusters)
        plain = numbers.max() and dataclasses.replace(cr2_mean(teacher - start, numbers), skewness=0.0)
        low = plain.interval()[0] if plain else None
        found = gap_closed(start.tolist(), rng.random(count).tolist(), teacher.tolist(), clusters)
        given, refused = given + (found.closed is not None), refused + (found.closed is None)
        if found.closed is not None and found.low is not None and found.high is not None:
            assert low is not None and low > 0 and found.low <= found.closed <= found.high
    assert given > 20 and refused > 100


@pytest.mark.parametrize(("pairs", "at_least"), [(12, 0.91), (40, 0.93)])
def test_the_interval_covers_the_true_share(pairs: int, at_least: float) -> None:
    """Skewed scores between 0 and 1; the student goes 40% of its teacher's way."""
    rng = np.random.default_rng(5)
    covered = given = 0
    for _ in range(1500):
        hard = rng.beta(1, 3, pairs)
        way = np.clip(rng.beta(4, 2, pairs) * (1 - hard), 0, 1)
        tuned = hard + 0.4 * way + rng.normal(0, 0.1, pairs)
        found = gap_closed(hard.tolist(), tuned.tolist(), (hard + way).tolist(), range(pairs))
        if found.low is not None and found.high is not None:
            given += 1
            covered += found.low <= 0.4 <= found.high
    assert given > 1400 and at_least <= covered / given <= 0.975
