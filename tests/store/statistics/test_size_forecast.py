"""Forecasts from three pilots hold as often as they say, on learning curves of several kinds."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable

import numpy as np
import pytest

from store.statistics import CannotForecast, Pilot, SizeForecast, forecast_at_size, mean_of

Curve = Callable[[float], float]
CURVES: dict[str, Curve] = {
    "none": lambda size: 0.0,
    "flat": lambda size: 0.2,
    "saturated early": lambda size: 0.45 * (1 - math.exp(-size / 12)),
    "saturating": lambda size: 0.45 * (1 - math.exp(-size / 40)),
    "power law": lambda size: 0.5 * (1 - (1 + size / 25) ** -0.5),
    "linear in the logarithm": lambda size: min(0.5, 0.07 * math.log(size / 4)),
    "falling": lambda size: 0.4 - 0.05 * math.log(size),
}
BASELINE, TEST = 0.4, 60


def right_or_wrong(rng: np.random.Generator, gain: float, pairs: int) -> np.ndarray:
    """Multiple choice: a tenth of what was known is lost, and so much is won that the mean gain is right."""
    before = rng.random(pairs) < BASELINE
    lost = 0.1 + max(0.0, -gain / BASELINE)
    won = (gain + lost * BASELINE) / (1 - BASELINE)
    after = np.where(before, rng.random(pairs) >= lost, rng.random(pairs) < won)
    return after.astype(float) - before


def graded(rng: np.random.Generator, gain: float, pairs: int) -> np.ndarray:
    """Log-likelihoods, in nats per token."""
    return rng.normal(gain, 0.35, pairs)


def measured(rng: np.random.Generator, draw: Callable[..., np.ndarray], curve: Curve, size: int,
             between_trainings: float) -> np.ndarray:
    """The differences that a run of this size measures; every training deviates from the curve."""
    gain = min(0.55, max(-0.35, curve(size) + rng.normal(0, between_trainings)))
    return draw(rng, gain, min(size, TEST))


def pilot(size: int, differences: np.ndarray) -> Pilot:
    mean = mean_of(differences, range(len(differences)))
    assert mean is not None
    return Pilot(size, float(differences.mean()), mean.error, mean.df, len(differences), BASELINE)


@pytest.mark.parametrize("sizes", [(12, 24, 48), (25, 50, 100)])
@pytest.mark.parametrize(("draw", "between_trainings"), [(right_or_wrong, 0.05), (graded, 0.05)])
@pytest.mark.parametrize("name", CURVES)
def test_nine_of_ten_hold_whatever_the_curve(name: str, draw: Callable[..., np.ndarray], between_trainings: float,
                                             sizes: tuple[int, ...]) -> None:
    rng, size, times = np.random.default_rng(len(name)), 10 * sizes[-1], 150
    held = 0
    for _ in range(times):
        pilots = [pilot(one, measured(rng, draw, CURVES[name], one, between_trainings)) for one in sizes]
        found = forecast_at_size(pilots, size, TEST, draw is right_or_wrong)
        held += found.low <= float(measured(rng, draw, CURVES[name], size, between_trainings).mean()) <= found.high
    assert held >= 0.88 * times, held / times


def clear(**changes: float) -> list[Pilot]:
    """Pilots with small errors; by default all with the same gain."""
    return [Pilot(size, changes.get(f"at{size}", 0.2), 0.01, 40, 60, BASELINE) for size in (25, 50, 100)]


def test_a_flat_curve_is_narrow_and_a_rising_one_reaches_from_staying_to_going_on() -> None:
    flat, rising = (forecast_at_size(pilots, 1000, 400, True)
                    for pilots in (clear(), clear(at25=0.1, at50=0.15, at100=0.2)))
    assert flat.change == pytest.approx(0.2) and flat.high - flat.low < 0.2
    assert rising.low == pytest.approx(flat.low, abs=0.05) and 0.35 < rising.high < 0.6
    assert rising.change == pytest.approx((0.2 + 0.2 + 0.05 * math.log2(10)) / 2)


def test_pilots_that_fit_no_line_widen_it_and_so_does_a_small_test() -> None:
    def width(found: SizeForecast) -> float:
        return found.high - found.low

    plain = width(forecast_at_size(clear(), 1000, 400, False))
    assert width(forecast_at_size(clear(at50=0.3), 1000, 400, False)) > 1.5 * plain
    assert width(forecast_at_size(clear(), 1000, 20, False)) > plain


def test_a_share_cannot_rise_above_one() -> None:
    steep = clear(at25=0.1, at50=0.3, at100=0.5)
    assert forecast_at_size(steep, 1000, 400, False).high > 0.9
    assert 0.6 <= forecast_at_size(steep, 1000, 400, True).high < 0.75


@pytest.mark.parametrize(("pilots", "size", "pairs", "said"), [
    (clear()[:2], 1000, 60, "a forecast needs pilots of 3 different sizes, and these have 25, 50"),
    ([*clear()[:2], clear()[1]], 1000, 60, "these have 25, 50"),
    (clear(), 100, 60, "100 training questions are no more than the largest pilot's 100"),
    (clear(), 2001, 60, "2001 training questions are more than 20 times the largest pilot's 100"),
    (clear(), 1000, 5, "a test has 5 scored questions, and a forecast needs 6 or more"),
    ([*clear()[:2], dataclasses.replace(clear()[2], pairs=4)], 1000, 60, "a test has 4 scored questions"),
])
def test_what_cannot_be_supported_is_refused_in_one_sentence(pilots: list[Pilot], size: int, pairs: int,
                                                             said: str) -> None:
    with pytest.raises(CannotForecast, match=said):
        forecast_at_size(pilots, size, pairs, True)
