"""The interval over questions and seeds: it covers the truth with few seeds, and says when seeds are not in it."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

import numpy as np
import pytest
from scipy.special import ndtr

from store.statistics import (
    MIN_SEEDS, ChangeOverSeeds, change_over_seeds, difference_between_groups, paired_change, verdict_of,
)
from store.statistics.seed_variance import seed_variance

Simulated = tuple[np.ndarray, float]
"""Differences, runs x questions, and the true mean change."""
QUESTIONS = 40


def graded(rng: np.random.Generator, runs: int, seed_share: float, clusters: int = 0) -> Simulated:
    """Scores with question and seed effects; the seeds' part of the variance is `seed_share` times that of questions.

    Args:
        clusters: passages that the questions share, with an effect of their own; 0 for none.
    """
    seed_sd = math.sqrt(seed_share * runs * (0.4**2 / QUESTIONS + 0.3**2 / (runs * QUESTIONS)))
    drawn = (rng.normal(0, 0.4, QUESTIONS)[None] + rng.normal(0, seed_sd, runs)[:, None]
             + rng.normal(0, 0.3, (runs, QUESTIONS)))
    if clusters:
        of_question = np.arange(QUESTIONS) % clusters
        drawn += rng.normal(0, 0.3, clusters)[of_question][None] + rng.normal(0, 0.3, (runs, clusters))[:, of_question]
    return 0.1 + drawn, 0.1


def right_or_wrong(rng: np.random.Generator, runs: int, seed_sd: float) -> Simulated:
    """Multiple choice: the untrained answers are the same in every run, the trained ones differ by seed and chance."""
    question, seed = rng.normal(0, 1, QUESTIONS), rng.normal(0, seed_sd, runs)
    before = rng.random(QUESTIONS) < ndtr(question - 0.5)
    after = rng.random((runs, QUESTIONS)) < ndtr(question[None] + seed[:, None])
    return after.astype(float) - before[None], 0.5 - float(ndtr(-0.5 / math.sqrt(2)))


SCENARIOS: dict[str, Callable[[np.random.Generator, int], Simulated]] = {
    "no seed effect": lambda rng, runs: graded(rng, runs, 0.0),
    "seeds as large as questions": lambda rng, runs: graded(rng, runs, 1.0),
    "seeds four times as large": lambda rng, runs: graded(rng, runs, 4.0),
    "questions share passages": lambda rng, runs: graded(rng, runs, 1.0, clusters=13),
    "right or wrong": lambda rng, runs: right_or_wrong(rng, runs, 0.3),
    "right or wrong, large seed effect": lambda rng, runs: right_or_wrong(rng, runs, 0.6),
}


def over_seeds(differences: np.ndarray, clusters: int = 0) -> ChangeOverSeeds:
    names = [at % clusters for at in range(differences.shape[1])] if clusters else list(range(differences.shape[1]))
    return change_over_seeds(np.zeros_like(differences).tolist(), differences.tolist(), names)


def coverage(scenario: str, runs: int, times: int, seed: int = 5) -> tuple[float, float]:
    """The share of intervals over questions and seeds, and of those over questions alone, that cover the truth."""
    rng, hits, alone = np.random.default_rng(seed), 0, 0
    for _ in range(times):
        drawn, truth = SCENARIOS[scenario](rng, runs)
        found = over_seeds(drawn, 13 if "passages" in scenario else 0)
        assert found.pooled.low is not None and found.pooled.high is not None
        assert found.questions_low is not None and found.questions_high is not None
        assert found.pooled.low <= found.questions_low and found.questions_high <= found.pooled.high
        hits += found.pooled.low <= truth <= found.pooled.high
        alone += found.questions_low <= truth <= found.questions_high
    return hits / times, alone / times


@pytest.mark.parametrize("runs", [3, 5, 10])
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_the_interval_covers_the_truth_with_few_seeds(scenario: str, runs: int) -> None:
    covered, alone = coverage(scenario, runs, 120)
    assert covered >= 0.91, f"{scenario}, {runs} seeds: {covered:.3f}"  # 0.95 less 2 standard errors of 120
    if scenario == "seeds four times as large":
        assert alone < 0.8  # what the interval over questions alone does not know


@pytest.mark.slow
@pytest.mark.parametrize("runs", [3, 5, 10])
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_the_interval_covers_the_truth_in_many_repetitions(scenario: str, runs: int) -> None:
    covered, _ = coverage(scenario, runs, 2000, seed=6)
    assert 0.94 <= covered <= 0.99, f"{scenario}, {runs} seeds: {covered:.3f}"


@pytest.mark.parametrize("runs", [3, 5])
def test_two_groups_of_one_kind_are_rarely_told_apart(runs: int) -> None:
    """An A/A comparison of two groups of trainings whose seeds matter: at most 5% improved or regressed."""
    rng, found = np.random.default_rng(8), []
    for _ in range(200):
        question = rng.normal(0, 1, QUESTIONS)
        sides = [rng.random((runs, QUESTIONS)) < ndtr(question[None] + rng.normal(0, 0.4, runs)[:, None])
                 for _ in range(2)]
        first, second = (side.astype(float).tolist() for side in sides)
        found.append(verdict_of(difference_between_groups(first, second, range(QUESTIONS)).pooled, 1))
    assert sum(verdict != "no evidence" for verdict in found) <= 10


def test_a_real_difference_of_two_groups_is_found() -> None:
    rng = np.random.default_rng(3)
    question = rng.normal(0, 0.5, (1, 60))
    first, second = (question + rng.normal(mean, 0.1, (3, 1)) + rng.normal(0, 0.2, (3, 60)) for mean in (0.0, 0.8))
    found = difference_between_groups(first.tolist(), second.tolist(), range(60))
    assert found.seeds_in and verdict_of(found.pooled, 1) == "improved"
    assert found.seed_changes == pytest.approx((second.mean(axis=1) - first.mean()).tolist())


@pytest.mark.parametrize("runs", range(1, MIN_SEEDS))
def test_fewer_than_three_seeds_are_not_in_the_interval(runs: int) -> None:
    drawn, _ = graded(np.random.default_rng(1), runs, 4.0)
    found = over_seeds(drawn)
    assert not found.seeds_in and (found.pooled.low, found.pooled.high) == (found.questions_low, found.questions_high)
    assert (found.spread is None) == (runs == 1) and len(found.seed_changes) == runs


def test_one_run_has_the_interval_of_its_own_comparison() -> None:
    rng = np.random.default_rng(2)
    before, after = rng.random(30).tolist(), rng.random(30).tolist()
    clusters = [at // 2 for at in range(30)]
    alone = paired_change(before, after, clusters)
    found = change_over_seeds([before], [after], clusters).pooled
    assert (found.change, found.low, found.high) == pytest.approx((alone.change, alone.low, alone.high))
    assert (found.wins, found.losses, found.scored) == (alone.wins, alone.losses, alone.scored)


def test_equal_trainings_add_nothing_and_a_missing_score_takes_its_question_out_of_every_run() -> None:
    rng = np.random.default_rng(2)
    row = rng.normal(0.2, 0.3, 20)
    same = over_seeds(np.stack([row] * 4))
    assert same.seeds_in and same.spread == 0 == same.seed_sd
    assert (same.pooled.low, same.pooled.high) == pytest.approx((same.questions_low, same.questions_high))
    scores: list[list[float | None]] = [row.tolist(), row.tolist(), [None, *row.tolist()[1:]]]
    found = change_over_seeds([[0.0] * 20] * 3, scores, range(20))
    assert (found.pooled.scored, found.pooled.asked) == (19, 20)
    assert found.seed_changes == pytest.approx([row[1:].mean()] * 3)
    nothing: list[list[float | None]] = [[None] * 20] * 3
    missing = change_over_seeds(nothing, scores, range(20))
    assert verdict_of(missing.pooled, 1) == "not measured" and missing.seed_changes == ()


def test_the_seeds_part_is_that_of_the_analysis_of_variance() -> None:
    drawn, _ = graded(np.random.default_rng(4), 5, 4.0)
    rest = drawn - drawn.mean(axis=1)[:, None] - drawn.mean(axis=0)[None] + drawn.mean()
    of_seeds = QUESTIONS * drawn.mean(axis=1).var(ddof=1)
    of_rest = (rest**2).sum() / (4 * (QUESTIONS - 1))
    assert seed_variance(drawn, np.arange(QUESTIONS)) == pytest.approx((of_seeds - of_rest) / (5 * QUESTIONS))


def test_the_p_value_agrees_with_the_interval() -> None:
    rng = np.random.default_rng(9)
    for _ in range(40):
        drawn, _ = graded(rng, 3, 1.0)
        found = over_seeds(drawn - 0.1).pooled
        assert found.low is not None and found.high is not None and found.t_p_value is not None
        assert (found.t_p_value < 0.05) == (not found.low <= 0 <= found.high)


def test_ten_seeds_of_a_thousand_questions_by_eight_metrics_take_less_than_two_seconds() -> None:
    rng = np.random.default_rng(0)
    before, after = rng.random((10, 1000)).tolist(), rng.random((10, 1000)).tolist()
    started = time.process_time()
    for _ in range(8):
        change_over_seeds(before, after, [at // 2 for at in range(1000)])
    assert time.process_time() - started < 2
