"""A judge corrected by people: coverage although it is biased, a narrower interval, and no harm by a useless one."""

from __future__ import annotations

import numpy as np
import pytest

from store.statistics import MIN_RATED, cohens_kappa, prediction_powered_mean

RUNS = 1500


def directions(values: np.ndarray, threshold: float) -> np.ndarray:
    return np.where(values > threshold, 1.0, np.where(values < -threshold, -1.0, 0.0))


def simulated(rated: int, unrated: int, bias: float, noise: float, seed: int) -> tuple[float, float, float]:
    """Coverage of the truth, width against people alone, and how far the judge alone is off."""
    rng = np.random.default_rng(seed)
    truth = float(directions(rng.normal(0.3, 1, 2_000_000), 0.5).mean())
    covered, width, off = 0, [], []
    for _ in range(RUNS):
        latent = rng.normal(0.3, 1, rated + unrated)
        people, judge = directions(latent, 0.5), directions(latent + rng.normal(bias, noise, len(latent)), 0.3)
        found = prediction_powered_mean(list(zip(people[:rated], judge[:rated], strict=True)), judge[rated:])
        assert found is not None
        covered += found.low <= truth <= found.high
        width.append((found.high - found.low) / (found.people_high - found.people_low))
        off.append(found.judge - truth)
    return covered / RUNS, float(np.mean(width)), float(np.mean(off))


@pytest.mark.parametrize(("rated", "unrated", "bias", "noise"), [
    (20, 100, 0.8, 0.3), (20, 40, 0.8, 0.3), (30, 170, -0.8, 0.5), (50, 150, 0.5, 1.0), (100, 400, 1.0, 0.4)])
def test_a_biased_judge_is_corrected_and_narrows_the_interval(rated: int, unrated: int, bias: float,
                                                              noise: float) -> None:
    coverage, width, off = simulated(rated, unrated, bias, noise, seed=rated)
    assert abs(off) > 0.15  # the judge alone is wrong by far
    assert coverage >= 0.93 and width < 0.95


def test_a_judge_that_knows_nothing_costs_hardly_anything() -> None:
    coverage, width, _ = simulated(20, 100, 0.0, 50.0, seed=7)
    assert coverage >= 0.93 and width < 1.05


def test_few_ratings_or_a_constant_judge_correct_nothing() -> None:
    rated = [(1.0, 1.0), (-1.0, 1.0)] * (MIN_RATED // 2)
    assert prediction_powered_mean(rated[1:], [1.0, 0.0]) is None
    found = prediction_powered_mean(rated, [1.0, 1.0])
    assert found and found.weight == 0 and (found.mean, found.low) == (found.people, found.people_low)
    alone = prediction_powered_mean([(1.0, 1.0), (0.0, -1.0)] * 10, [])
    assert alone and alone.weight == 0 and alone.mean == 0.5


def test_kappa_is_agreement_beyond_chance() -> None:
    agreed = cohens_kappa([(1, 1), (-1, -1), (0, 0)] * 10)
    assert agreed.value == 1 and agreed.counts == ((10, 0, 0), (0, 10, 0), (0, 0, 10))
    rng = np.random.default_rng(3)
    chance = cohens_kappa([(int(a), int(b)) for a, b in rng.integers(-1, 2, (3000, 2))])
    assert chance.value == pytest.approx(0, abs=0.05) and chance.low < 0 < chance.high  # type: ignore[operator]
    # Fleiss, Levin and Paik: observed .70, expected .50
    known = cohens_kappa([(1, 1)] * 35 + [(-1, -1)] * 35 + [(1, -1)] * 15 + [(-1, 1)] * 15)
    assert known.value == pytest.approx(0.4)
    assert cohens_kappa([(1, 1)] * 5).value is None and cohens_kappa([]).value is None
