"""The numbers behind a verdict, checked against scipy and against known truth."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from store.statistics import (
    clustered_interval, paired_change, sign_test, smallest_visible_change, verdict_of, verdict_sentence,
)


def test_the_interval_equals_scipys_paired_t_interval_when_every_question_stands_alone() -> None:
    rng = np.random.default_rng(1)
    before, after = rng.random(20), rng.random(20)
    change = paired_change(list(before), list(after), range(20))
    expected = stats.ttest_rel(after, before).confidence_interval(0.95)
    assert (change.low, change.high) == pytest.approx((expected.low, expected.high))


def test_copies_of_a_question_on_one_passage_do_not_narrow_the_interval() -> None:
    differences = np.random.default_rng(2).normal(0.1, 0.2, 12)
    alone = clustered_interval(differences, range(12))
    tripled = clustered_interval(np.repeat(differences, 3), np.repeat(np.arange(12), 3).tolist())
    assert tripled == pytest.approx(alone)


@pytest.mark.parametrize(("wins", "losses"), [(6, 0), (5, 1), (3, 3), (0, 7)])
def test_the_sign_test_equals_scipys_binomial_test(wins: int, losses: int) -> None:
    assert sign_test(wins, losses) == pytest.approx(stats.binomtest(wins, wins + losses).pvalue)


def test_missing_scores_are_counted_and_never_filled() -> None:
    change = paired_change([0.5, None, 0.2, 0.1], [0.6, 0.9, None, 0.3], range(4))
    assert (change.scored, change.asked, change.wins) == (2, 4, 2)
    assert change.change == pytest.approx(0.15)


def test_nothing_scored_is_not_measured_and_not_zero() -> None:
    change = paired_change([None] * 8, [0.1] * 8, range(8))
    assert change.change is None and verdict_of(change, 1) == "not measured"
    assert verdict_sentence("not measured", "Choice accuracy", change).startswith("Not measured")


def test_no_verdict_under_six_pairs() -> None:
    assert verdict_of(paired_change([0.0] * 5, [1.0] * 5, range(5)), 1) == "too few to say"


@pytest.mark.parametrize(("better", "verdict"), [(1, "improved"), (-1, "regressed")])
def test_a_clear_rise_is_good_or_bad_by_the_metrics_direction(better: int, verdict: str) -> None:
    before, after = [0.1, 0.2, 0.15, 0.1, 0.2, 0.1, 0.12], [0.8, 0.7, 0.9, 0.85, 0.8, 0.75, 0.9]
    change = paired_change(before, after, range(7), better)
    assert verdict_of(change, better) == verdict
    assert (change.wins, change.losses) == ((7, 0) if better > 0 else (0, 7))


def test_the_interval_covers_the_truth_at_its_nominal_rate() -> None:
    rng = np.random.default_rng(3)
    hits = 0
    for _ in range(1000):
        low, high = clustered_interval(rng.beta(2, 5, 30) - rng.beta(2, 5, 30) + 0.1, range(30))
        hits += low <= 0.1 <= high  # type: ignore[operator]
    assert 930 <= hits <= 970


def test_the_smallest_visible_change_is_found_at_the_promised_power() -> None:
    rng = np.random.default_rng(4)
    gain = smallest_visible_change(30, spread=0.25)
    assert gain and smallest_visible_change(5) is None
    found = sum(clustered_interval(rng.normal(gain, 0.25, 30), range(30))[0] > 0 for _ in range(1000))  # type: ignore[operator]
    assert 760 <= found <= 840
