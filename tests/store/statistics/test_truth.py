"""The statistics against known truth: worlds are made up whose true change is known, thousands of times over.

Seeded, so that a figure here is a figure and no luck; what is demanded stands in the tests' names.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from store.statistics import (
    MIN_PAIRS, cluster_bootstrap, clustered_interval, holm_adjusted_verdicts, minimum_detectable_effect, paired_change,
    power, verdict_of,
)

WORLDS = 3000
Draw = Callable[[np.random.Generator, int], np.ndarray]


def right_or_wrong(gained: float, lost: float) -> Draw:
    """Differences of scores that are 0 or 1."""
    return lambda rng, n: rng.choice([1.0, -1.0, 0.0], n, p=[gained, lost, 1 - gained - lost])


def key_terms(gained: float, lost: float) -> Draw:
    """Differences in thirds, most of them none: what fact recall gives."""
    return lambda rng, n: rng.choice([0, 1 / 3, 2 / 3, -1 / 3], n, p=[1 - gained - lost, gained / 2, gained / 2, lost])


def shares(rng: np.random.Generator, n: int) -> np.ndarray:
    """Bounded and lopsided scores before, near the upper bound after."""
    return rng.beta(8, 1, n) - rng.beta(1, 3, n)


def rare_large_losses(rng: np.random.Generator, n: int) -> np.ndarray:
    return 1.2 - rng.exponential(1.0, n)


TRUTHS: dict[str, tuple[Draw, float]] = {
    "graded": (lambda rng, n: rng.beta(2, 5, n) - rng.beta(2, 5, n) + 0.1, 0.1),
    "bounded and skewed": (shares, 8 / 9 - 1 / 4),
    "rare large losses": (rare_large_losses, 0.2),
    "right or wrong, many change": (right_or_wrong(0.5, 0.1), 0.4),
    "right or wrong, none in sum": (right_or_wrong(0.2, 0.2), 0.0),
    "right or wrong, a gain": (right_or_wrong(0.25, 0.1), 0.15),
    "key terms": (key_terms(0.4, 0.1), 0.4 / 2 - 0.1 / 3),
}


def coverage(draw: Draw, truth: float, pairs: int, seed: int) -> float:
    rng, hits = np.random.default_rng(seed), 0
    for _ in range(WORLDS):
        low, high = clustered_interval(draw(rng, pairs), range(pairs))
        hits += low <= truth <= high  # type: ignore[operator]
    return hits / WORLDS


@pytest.mark.parametrize("pairs", [30, 60])
@pytest.mark.parametrize("world", TRUTHS)
def test_the_interval_covers_the_truth_93_to_97_times_in_100_from_30_pairs_on(world: str, pairs: int) -> None:
    assert 0.93 <= coverage(*TRUTHS[world], pairs, seed=11) <= 0.97


@pytest.mark.parametrize("world", TRUTHS)
def test_the_interval_covers_the_truth_at_least_90_times_in_100_with_10_pairs(world: str) -> None:
    assert coverage(*TRUTHS[world], 10, seed=12) >= 0.90


@pytest.mark.parametrize("changed", [(0.1, 0.0), (0.05, 0.05), (0.0, 0.0)])
@pytest.mark.parametrize("pairs", [10, 30])
def test_where_hardly_any_answer_changes_the_interval_is_too_wide_rather_than_too_narrow(
        changed: tuple[float, float], pairs: int) -> None:
    assert coverage(right_or_wrong(*changed), changed[0] - changed[1], pairs, seed=13) >= 0.93


def passages_of(sizes: list[int]) -> np.ndarray:
    return np.repeat(np.arange(len(sizes)), sizes)


@pytest.mark.parametrize(("sizes", "least"), [([1, 2, 3] * 10, 0.93), ([12, 5, 4, 3, 3, 3], 0.92), ([5] * 6, 0.92)])
def test_questions_that_share_a_passage_are_no_more_witnesses_than_they_are(sizes: list[int], least: float) -> None:
    rng, numbers = np.random.default_rng(14), passages_of(sizes)
    hits = alone = 0
    for _ in range(WORLDS):
        d = 0.1 + 0.2 * rng.normal(size=len(sizes))[numbers] + 0.2 * rng.normal(size=len(numbers))
        low, high = clustered_interval(d, numbers.tolist())
        hits += low <= 0.1 <= high  # type: ignore[operator]
        low, high = clustered_interval(d, range(len(d)))
        alone += low <= 0.1 <= high  # type: ignore[operator]
    assert least <= hits / WORLDS <= 0.97 and alone < hits - 0.03 * WORLDS


ALIKE: dict[str, Callable[[np.random.Generator, int], tuple[np.ndarray, np.ndarray]]] = {
    "graded": lambda rng, n: (rng.beta(2, 5, n), rng.beta(2, 5, n)),
    "skewed": lambda rng, n: (rng.beta(8, 1, n), rng.beta(8, 1, n)),
    "heavy tails": lambda rng, n: (rng.lognormal(0, 0.5, n), rng.lognormal(0, 0.5, n)),
    "right or wrong": lambda rng, n: (rng.random(n) < 0.4, rng.random(n) < 0.4),
    "right or wrong, steady": lambda rng, n: ((kept := rng.random(n) < 0.5), kept ^ (rng.random(n) < 0.15)),
    "key terms": lambda rng, n: (rng.binomial(3, 0.2, n) / 3, rng.binomial(3, 0.2, n) / 3),
}


@pytest.mark.parametrize("pairs", [6, 12, 40])
@pytest.mark.parametrize("world", ALIKE)
def test_two_students_alike_are_called_improved_at_most_35_times_in_1000(world: str, pairs: int) -> None:
    rng, found = np.random.default_rng(15), {"improved": 0, "regressed": 0}
    for _ in range(WORLDS):
        before, after = (scores.astype(float) for scores in ALIKE[world](rng, pairs))
        low, high = clustered_interval(after - before, range(pairs))
        if (before != after).sum() >= MIN_PAIRS:
            found["improved"] += low > 0  # type: ignore[operator]
            found["regressed"] += high < 0  # type: ignore[operator]
    assert max(found.values()) / WORLDS <= 0.035


@pytest.mark.parametrize(("draw", "gain", "pairs", "spread"), [
    (lambda rng, n: rng.normal(0.15, 0.25, n), 0.15, 30, 0.25),
    (lambda rng, n: rng.normal(0.1, 0.25, n), 0.1, 50, 0.25),
    (right_or_wrong(0.35, 0.1), 0.25, 50, (0.45 - 0.0625) ** 0.5),
    (right_or_wrong(0.35, 0.1), 0.25, 100, (0.45 - 0.0625) ** 0.5),
])
def test_a_known_effect_is_found_as_often_as_predicted(draw: Draw, gain: float, pairs: int, spread: float) -> None:
    rng, predicted = np.random.default_rng(16), power(gain, pairs, spread)
    found = sum(clustered_interval(draw(rng, pairs), range(pairs))[0] > 0
                for _ in range(WORLDS))  # type: ignore[operator]
    assert found / WORLDS == pytest.approx(predicted, abs=0.05)


def test_the_smallest_visible_change_is_found_four_times_in_five() -> None:
    for pairs in (12, 40):
        gain = minimum_detectable_effect(pairs, 0.25)
        assert gain and power(gain, pairs, 0.25) == pytest.approx(0.8, abs=0.01)
    assert minimum_detectable_effect(5) is None and power(0.5, 5, 0.25) is None


def test_among_twenty_topics_without_a_change_one_is_claimed_in_at_most_one_run_of_twenty() -> None:
    rng, claimed, uncorrected = np.random.default_rng(17), 0, 0
    for _ in range(60):
        changes = {str(topic): paired_change(list(rng.random(8)), list(rng.random(8)), range(8)) for topic in range(20)}
        claimed += any(found.verdict in ("improved", "regressed")
                       for found in holm_adjusted_verdicts(changes, 1).values())
        uncorrected += any(verdict_of(change, 1) != "no evidence" for change in changes.values())
    assert claimed <= 6 and uncorrected >= 25


def test_the_bootstrap_agrees_with_the_interval_from_30_pairs_on_and_is_too_narrow_at_10() -> None:
    rng = np.random.default_rng(18)
    widths: dict[int, list[float]] = {10: [], 60: []}
    for pairs, ratios in widths.items():
        for _ in range(60):
            d = rng.normal(0.1, 0.2, pairs)
            (low, high), (boot_low, boot_high) = clustered_interval(d, range(pairs)), cluster_bootstrap(d, range(pairs))
            assert low is not None and high is not None and boot_low is not None and boot_high is not None
            ratios.append((boot_high - boot_low) / (high - low))
    assert np.mean(widths[10]) < 0.9 and np.mean(widths[60]) == pytest.approx(1.0, abs=0.06)
