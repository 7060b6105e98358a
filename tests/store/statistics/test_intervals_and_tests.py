"""The numbers behind a verdict, checked against scipy; against known truth in `test_truth.py`."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from scipy import stats
from scipy.linalg import sqrtm

from store.statistics import (
    PastVariance, clustered_interval, effect_size, holm, holm_adjusted_verdicts, mean_of, over_cycles, paired_change,
    power_before, sign_test, verdict_of, verdict_sentence, welch_difference, wilcoxon_test,
)
from store.statistics.cluster_bootstrap import RESAMPLES, cluster_bootstrap
from store.statistics.clustered_interval import cr2_mean


def test_without_skewness_the_interval_and_its_p_are_scipys_paired_t_test() -> None:
    rng = np.random.default_rng(1)
    before, after = rng.random(20), rng.random(20)
    mean, expected = mean_of(after - before, range(20)), stats.ttest_rel(after, before)
    assert mean is not None
    plain = dataclasses.replace(mean, skewness=0.0)
    assert plain.interval() == pytest.approx(tuple(expected.confidence_interval(0.95)))
    assert plain.p_value() == pytest.approx(expected.pvalue)


def test_mirrored_differences_give_scipys_interval_as_it_is() -> None:
    half = np.random.default_rng(1).random(10)
    change = paired_change([0.0] * 20, [*(0.1 + half), *(0.1 - half)], range(20))
    expected = stats.ttest_1samp([*(0.1 + half), *(0.1 - half)], 0).confidence_interval(0.95)
    assert (change.low, change.high) == pytest.approx((expected.low, expected.high))


def test_the_p_value_is_below_5_in_100_exactly_where_the_interval_leaves_zero_out() -> None:
    rng, seen = np.random.default_rng(7), set()
    for _ in range(200):
        mean = mean_of(rng.choice([rng.exponential(0.3, 12) - 0.1, rng.choice([1.0, 0.0, -1.0], 12)]), range(12))
        assert mean is not None
        low, high = mean.interval()
        seen.add(not low <= 0 <= high)
        assert (mean.p_value() < 0.05) == (not low <= 0 <= high)
    assert seen == {True, False}


def test_when_no_answer_changed_the_interval_is_not_a_point() -> None:
    change = paired_change([0.0, 1.0] * 8, [0.0, 1.0] * 8, range(16))
    assert change.change == 0 and change.low is not None and change.low < -0.05 and change.high == -change.low
    assert verdict_of(change, 1) == "no evidence"


def test_the_errors_of_unequal_clusters_are_those_that_cr2_gives_by_its_matrices() -> None:
    """Bell and McCaffrey's formulas written out with matrices, for a regression on a constant alone."""
    values, sizes = np.random.default_rng(5).normal(0.2, 0.3, 14), [6, 3, 2, 1, 1, 1]
    numbers, count = np.repeat(np.arange(6), sizes), 14
    residual = np.eye(count) - np.full((count, count), 1 / count)
    root = [np.linalg.inv(sqrtm(residual[np.ix_(numbers == g, numbers == g)]).real) for g in range(6)]
    vectors = [residual[:, numbers == g] @ root[g] @ np.ones(sizes[g]) / count for g in range(6)]
    gram = np.array([[one @ other for other in vectors] for one in vectors])
    mean = cr2_mean(values, numbers)
    assert mean.error**2 == pytest.approx(sum(float(vector @ values) ** 2 for vector in vectors))
    assert mean.df == pytest.approx(np.trace(gram) ** 2 / (gram**2).sum())


def test_wilcoxons_test_is_scipys_and_leaves_ties_out() -> None:
    d = np.random.default_rng(8).normal(0.1, 0.2, 15)
    assert wilcoxon_test([*d, 0.0, 0.0]) == pytest.approx(stats.wilcoxon(d).pvalue)
    assert wilcoxon_test([0.0, 0.0]) is None


def test_the_effect_size_is_hedges_g_and_its_interval_inverts_the_noncentral_t() -> None:
    d = np.random.default_rng(9).normal(0.2, 0.3, 12)
    found = effect_size(d, np.arange(12))
    assert found is not None
    correction = 1 - 3 / (4 * 11 - 1)
    assert found.size == pytest.approx(correction * d.mean() / d.std(ddof=1), rel=1e-3)
    statistic = stats.ttest_1samp(d, 0).statistic
    noncentrality = found.low / found.size * statistic
    assert stats.nct.sf(statistic, 11, noncentrality) == pytest.approx(0.025, abs=1e-4)
    assert effect_size(np.ones(8), np.arange(8)) is None


def test_holms_correction_agrees_with_its_definition() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.6, 0.7]) == [1.0, 1.0] and holm([]) == []


def test_topics_under_six_pairs_get_no_verdict_and_do_not_burden_the_others() -> None:
    clear = paired_change([0.1, 0.2, 0.15, 0.1, 0.2, 0.1], [0.8, 0.7, 0.9, 0.85, 0.8, 0.75], range(6))
    few = {f"small {n}": paired_change([0.0] * 5, [1.0] * 5, range(5)) for n in range(19)}
    found = holm_adjusted_verdicts({"pods": clear, **few}, better=1)
    assert found["pods"].verdict == "improved" and found["pods"].adjusted_p == clear.t_p_value
    assert found["small 3"].verdict == "too few to say" and found["small 3"].adjusted_p is None


def test_one_lucky_cycle_of_ten_is_not_an_improvement_of_the_run() -> None:
    found = over_cycles({cycle: (0.02 if cycle == 4 else 0.5, "improved" if cycle == 4 else "no evidence")
                         for cycle in range(1, 11)})
    assert found is not None and found.improved == () and "no cycle" in found.sentence
    sure = over_cycles({1: (0.5, "no evidence"), 2: (0.001, "improved"), 3: (None, "not measured")})
    assert sure is not None and sure.improved == (2,) and "cycle 2 improved" in sure.sentence
    assert over_cycles({1: (0.01, "improved")}) is None


def test_five_answers_that_changed_are_no_evidence_however_many_were_asked() -> None:
    change = paired_change([0.0] * 10, [1.0] * 5 + [0.0] * 5, range(10))
    assert change.low is not None and change.low > 0 and verdict_of(change, 1) == "no evidence"
    assert "only 5 answers changed" in verdict_sentence("no evidence", "Choice accuracy", change)


def test_memorisation_is_a_distance_with_welchs_interval() -> None:
    rng = np.random.default_rng(10)
    one, other = rng.normal(0.5, 0.3, 20), rng.normal(0.1, 0.2, 30)
    means = [cr2_mean(d, np.arange(len(d))) for d in (one, other)]
    found = welch_difference(means[0].value, means[1].value, (means[0].error, means[1].error),
                             (means[0].df, means[1].df))
    expected = stats.ttest_ind(one, other, equal_var=False).confidence_interval(0.95)
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high))
    assert welch_difference(0.5, 0.1, (None, 0.1), (None, 9.0)).low is None


def test_power_goes_by_past_runs_where_there_are_any_and_says_which() -> None:
    usual = power_before("choice_accuracy", 40, [])
    assert usual.spread == 0.5 and usual.smallest == pytest.approx(0.227, abs=0.002) and "usual" in usual.source
    known = power_before("choice_accuracy", 40, [PastVariance("a", 30, 0.3), PastVariance("b", 10, 0.4),
                                                 PastVariance("too small", 4, 9.0)])
    assert known.runs == ("a", "b") and known.spread == pytest.approx((0.75 * 0.09 + 0.25 * 0.16) ** 0.5)
    assert "2 comparable past runs" in known.source and power_before("fact_recall", 5, []).smallest is None


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


@pytest.mark.parametrize("clusters", [2, 60, 1000])
@pytest.mark.parametrize("largest", [1, 3])
def test_the_bootstrap_in_blocks_is_that_of_all_resamples_at_once(clusters: int, largest: int) -> None:
    random = np.random.default_rng(clusters)
    numbers = np.repeat(np.arange(clusters), random.integers(1, largest + 1, clusters))
    values = random.normal(size=len(numbers))
    sums, sizes = np.bincount(numbers, weights=values), np.bincount(numbers)
    drawn = np.random.default_rng(7).integers(0, clusters, (RESAMPLES, clusters))
    expected = np.quantile(sums[drawn].sum(axis=1) / sizes[drawn].sum(axis=1), [0.025, 0.975])
    assert cluster_bootstrap(values, numbers.tolist(), 7) == pytest.approx(tuple(expected), rel=1e-12)
