"""The four words of a verdict with a margin, the three without one, and how sure "no relevant change" is."""

from __future__ import annotations

import numpy as np
import pytest

from store.statistics import (
    IMPROVED, INCONCLUSIVE, NO_EVIDENCE, NO_RELEVANT_CHANGE, REGRESSED, TOO_FEW, WORSE, PairedChange,
    holm_adjusted_verdicts, min_pairs_within, minimum_detectable_effect, over_cycles, paired_change, pairs_to_decide,
    verdict_of, verdict_sentence,
)
from store.statistics.clustered_interval import mean_of
from store.statistics.equivalence import equivalence_p, within_margin

MARGIN = 0.05


def found(low: float, high: float, scored: int = 200, changed: int = 60) -> PairedChange:
    """A change with this interval."""
    middle = (low + high) / 2
    return PairedChange(0.5, 0.5 + middle, middle, low, high, scored, scored, changed, scored - changed, 0, 0.5,
                        spread=(high - low) / 4 * scored**0.5, freedom=scored - 1.0)


@pytest.mark.parametrize(("low", "high", "changes", "with_margin", "without"), [
    (0.06, 0.20, {}, IMPROVED, IMPROVED),
    (-0.20, -0.06, {}, WORSE, REGRESSED),
    (0.01, 0.20, {}, IMPROVED, IMPROVED),
    (-0.03, 0.04, {}, NO_RELEVANT_CHANGE, NO_EVIDENCE),
    (0.01, 0.04, {}, NO_RELEVANT_CHANGE, IMPROVED),
    (-0.03, 0.06, {}, INCONCLUSIVE, NO_EVIDENCE),
    (-0.20, 0.20, {}, INCONCLUSIVE, NO_EVIDENCE),
    (0.06, 0.20, {"changed": 5}, INCONCLUSIVE, NO_EVIDENCE),
    (-0.03, 0.04, {"changed": 0}, NO_RELEVANT_CHANGE, NO_EVIDENCE),
    (-0.03, 0.04, {"scored": 71, "changed": 30}, INCONCLUSIVE, NO_EVIDENCE),
    (-0.03, 0.04, {"scored": 5, "changed": 5}, TOO_FEW, TOO_FEW),
])
def test_an_interval_has_one_word(low: float, high: float, changes: dict[str, int], with_margin: str,
                                  without: str) -> None:
    change = found(low, high, **changes)
    assert (verdict_of(change, 1, MARGIN), verdict_of(change, 1)) == (with_margin, without)


def test_a_lower_loss_is_better_in_nats_too() -> None:
    assert verdict_of(found(-0.5, -0.2), -1, 0.1) == IMPROVED
    assert verdict_of(found(0.2, 0.5), -1, 0.1) == WORSE
    assert verdict_of(found(-0.09, 0.02), -1, 0.1) == NO_RELEVANT_CHANGE


def test_the_sentence_says_why_and_what_the_test_could_have_seen() -> None:
    change = found(-0.2, 0.2, 40)
    sentence = verdict_sentence(INCONCLUSIVE, "Accuracy", change, margin=MARGIN)
    smallest = minimum_detectable_effect(40, change.spread or 0)
    assert sentence.startswith("Inconclusive: accuracy") and f"a change of about {smallest:.2f}" in sentence
    assert "margin of 0.05" in verdict_sentence(NO_RELEVANT_CHANGE, "Accuracy", found(-0.03, 0.04), margin=MARGIN)
    few = verdict_sentence(INCONCLUSIVE, "Accuracy", found(-0.03, 0.04, 40), margin=MARGIN)
    assert "fewer than 72 questions" in few
    assert verdict_sentence(NO_EVIDENCE, "Accuracy", change).endswith("n = 40).")


def test_holms_correction_makes_uncertain_words_inconclusive_and_certain_ones_stand() -> None:
    rng = np.random.default_rng(3)
    changes = {f"topic {n}": paired_change(np.zeros(100).tolist(), rng.normal(0.0, 0.19, 100).tolist(), range(100))
               for n in range(7)}
    alone = {name: verdict_of(change, 1, MARGIN) for name, change in changes.items()}
    corrected = holm_adjusted_verdicts(changes, 1, MARGIN)
    narrow = {name for name, word in alone.items() if word == NO_RELEVANT_CHANGE}
    kept = {name for name, finding in corrected.items() if finding.verdict == NO_RELEVANT_CHANGE}
    assert kept < narrow and all(corrected[name].verdict == INCONCLUSIVE for name in narrow - kept)
    sure = holm_adjusted_verdicts({name: found(-0.01, 0.01) for name in changes}, 1, MARGIN)
    assert {finding.verdict for finding in sure.values()} == {NO_RELEVANT_CHANGE}
    old = holm_adjusted_verdicts(changes, 1)
    assert {finding.verdict for finding in old.values()} <= {IMPROVED, REGRESSED, NO_EVIDENCE}


def test_the_p_of_equivalence_agrees_with_the_interval() -> None:
    rng, seen = np.random.default_rng(4), set()
    for n in (80, 200, 400):
        for _ in range(15):
            change = paired_change(np.zeros(n).tolist(), rng.normal(0.02, 0.25, n).tolist(), range(n))
            p = equivalence_p(change, MARGIN)
            assert p is not None
            if abs(p - 0.05) > 0.01:  # the interval is corrected for skewness, which p leaves out
                assert (p < 0.05) == within_margin(change, MARGIN)
            seen.add(p < 0.05)
    assert seen == {True, False}


def test_cycles_are_said_in_their_own_words() -> None:
    new = over_cycles({1: (0.001, WORSE), 2: (0.4, INCONCLUSIVE), 3: (0.001, NO_RELEVANT_CHANGE)})
    assert new is not None and new.regressed == (1,) and "cycle 1 got worse" in new.sentence
    old = over_cycles({1: (0.001, REGRESSED), 2: (0.4, NO_EVIDENCE)})
    assert old is not None and "cycle 1 regressed" in old.sentence


def test_the_questions_that_it_names_decide_in_at_least_80_of_100() -> None:
    rng, spread = np.random.default_rng(5), 0.25
    pairs = pairs_to_decide(MARGIN, spread)
    assert (minimum_detectable_effect(pairs, spread) or 1) <= MARGIN
    words = {truth: [verdict_of(_change(rng.normal(truth, spread, pairs)), 1, MARGIN) for _ in range(400)]
             for truth in (0.0, MARGIN)}
    assert words[0.0].count(NO_RELEVANT_CHANGE) >= 0.77 * 400  # 80%, less two standard errors
    assert words[MARGIN].count(IMPROVED) >= 0.77 * 400


@pytest.mark.parametrize("lost", [0.05, 0.07, 0.10])
@pytest.mark.parametrize("pairs", [12, 40, 72, 120, 300])
def test_a_change_as_large_as_the_margin_is_hardly_ever_called_irrelevant(pairs: int, lost: float) -> None:
    """Right-or-wrong scores: `lost` of the questions turn wrong, and as many turn right as make the mean the margin."""
    rng = np.random.default_rng(pairs)
    gained = lost - MARGIN
    wrong = 0
    for _ in range(600):
        drawn = rng.choice([-1.0, 1.0, 0.0], pairs, p=[lost, gained, 1 - lost - gained])
        wrong += verdict_of(_change(drawn), 1, MARGIN) == NO_RELEVANT_CHANGE
    assert wrong <= 0.045 * 600, wrong / 600
    if pairs < min_pairs_within(MARGIN):
        assert not wrong


def _change(differences: np.ndarray) -> PairedChange:
    """As `paired_change`, without the cross-checks, which take most of its time."""
    mean = mean_of(differences, range(len(differences)))
    assert mean is not None
    low, high = mean.interval()
    return PairedChange(0.0, float(differences.mean()), float(differences.mean()), low, high, len(differences),
                        len(differences), int((differences > 0).sum()), 0, int((differences < 0).sum()), None)
