"""The parts of a gain: right on students made by rule, jointly covered, and zero without knowledge."""

from __future__ import annotations

import time

import numpy as np
import pytest

from store.statistics import KNOWLEDGE, MEMORY, PARTS, WORDING, FactScores, GainPart, by_fact, gain_shares

CHANCE = 0.25


def by_rule(rng: np.random.Generator, facts: int, wording: float, knowledge: float, memory: float) -> list[FactScores]:
    """Right-or-wrong answers of four options: each student knows what the one before it knows, and more.

    Untrained: guesses. Placebo: right on `wording` more of the questions. Tuned: on `knowledge` more than the placebo.
    On the training questions: on `memory` more than on the test.
    """
    ranks = (rng.permutation(facts) + 0.5) / facts
    levels = np.cumsum([CHANCE, wording, knowledge])
    untrained, placebo, tuned = (ranks < level for level in levels)
    before, after = ranks < CHANCE, ranks < levels[-1] + memory
    return [FactScores(fact, *map(float, scores)) for fact, scores in enumerate(
        zip(untrained, placebo, tuned, before, after, strict=True))]


def guessed(rng: np.random.Generator, facts: int, known: float) -> list[FactScores]:
    """As with shuffled references: placebo and tuned student are two draws of one rule, and know nothing."""
    shares = (CHANCE, known, known, CHANCE, known)
    columns = [rng.random(facts) < share for share in shares]
    return [FactScores(fact, *map(float, scores)) for fact, scores in enumerate(zip(*columns, strict=True))]


def parts(facts: list[FactScores], better: int = 1) -> dict[str, GainPart]:
    return {part.part: part for part in gain_shares(facts, better)}


@pytest.mark.parametrize("truth", [(0.05, 0.40, 0.10), (0.20, 0.0, 0.30), (0.0, 0.60, 0.0), (0.10, 0.20, 0.30)])
def test_the_shares_are_right_on_students_made_by_rule(truth: tuple[float, float, float]) -> None:
    found = parts(by_rule(np.random.default_rng(1), 120, *truth))
    for name, part in zip(PARTS, truth, strict=True):
        assert found[name].gain == pytest.approx(part, abs=0.05)
        assert found[name].share == pytest.approx(part / sum(truth), abs=0.05)
    assert sum(part.gain for part in found.values()) == pytest.approx(sum(truth), abs=0.01)
    if truth[1]:
        assert (found[KNOWLEDGE].low or 0) > 0


@pytest.mark.parametrize("facts", [12, 40, 120])
def test_with_shuffled_references_the_interval_of_knowledge_holds_zero(facts: int) -> None:
    rng = np.random.default_rng(facts)
    held = 0
    for _ in range(200):
        part = parts(guessed(rng, facts, 0.35))[KNOWLEDGE]
        assert part.low is not None and part.high is not None
        held += part.low <= 0 <= part.high
    assert held >= 0.95 * 200, held / 200


@pytest.mark.parametrize("facts", [12, 40, 120])
def test_all_three_intervals_cover_at_once(facts: int) -> None:
    rng, truth = np.random.default_rng(20 + facts), {WORDING: 0.1, KNOWLEDGE: 0.2, MEMORY: 0.15}
    covered = 0
    for _ in range(200):
        columns = [rng.random(facts) < share for share in (0.25, 0.35, 0.55, 0.25, 0.70)]
        found = parts([FactScores(fact, *map(float, one)) for fact, one in enumerate(zip(*columns, strict=True))])
        covered += all((found[name].low or 0) <= part <= (found[name].high or 0) for name, part in truth.items())
    assert covered >= 0.93 * 200, covered / 200


def test_a_loss_is_a_gain_where_less_is_better_and_no_gain_has_no_shares() -> None:
    facts = by_rule(np.random.default_rng(3), 60, 0.1, 0.3, 0.1)
    negated = [FactScores(one.fact, *(-float(value or 0) for value in (
        one.untrained, one.placebo, one.tuned, one.untrained_practice, one.tuned_practice))) for one in facts]
    assert {name: part.gain for name, part in parts(negated, -1).items()} == {
        name: part.gain for name, part in parts(facts).items()}
    nothing = parts(by_rule(np.random.default_rng(4), 60, 0.0, 0.0, 0.0))
    assert {part.share for part in nothing.values()} == {None} and nothing[KNOWLEDGE].low is not None


def test_facts_with_a_missing_score_are_counted_and_left_out() -> None:
    scores = {name: {"a": [1.0, 0.0], "b": [1.0]} for name in ("untrained", "placebo", "tuned", "untrained_practice")}
    facts = by_fact(scores | {"tuned_practice": {"a": [1.0]}}, ["a", "b"])
    assert facts[0].untrained == 0.5 and facts[1].tuned_practice is None
    assert gain_shares(facts) == []
    whole = by_rule(np.random.default_rng(5), 20, 0.1, 0.3, 0.1)
    found = gain_shares([*whole, FactScores("x", 1.0, None, 1.0, 1.0, 1.0)])
    assert {(part.facts, part.asked) for part in found} == {(20, 21)}


def test_ten_seeds_of_a_thousand_facts_and_eight_metrics_take_under_a_second() -> None:
    facts = by_rule(np.random.default_rng(6), 1_000, 0.1, 0.3, 0.1)
    began = time.process_time()
    for _ in range(10 * 8):
        gain_shares(facts)
    assert time.process_time() - began < 1.0
