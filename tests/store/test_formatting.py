"""Numbers as pages and evidence packs show them."""

from __future__ import annotations

import pytest

from store.formatting import change, change_interval, first_sentence, limits, number
from store.statistics import paired_change

SAME, OTHER = [3.0] * 12, [3.0] * 11 + [2.0]
PASSAGES = list(range(12))


@pytest.mark.parametrize(("value", "shown"), [(-0.2, "−0.20"), (0.2, "+0.20"), (0.0, "0.00"), (-0.001, "0.00")])
def test_a_change_has_a_minus_sign_and_none_at_zero(value: float, shown: str) -> None:
    assert change(value) == shown


@pytest.mark.parametrize(("value", "shown"), [(-0.19, "−0.19"), (0.2, "0.20"), (-0.001, "0.00"), (None, "–")])
def test_a_negative_score_has_a_minus_sign_too(value: float | None, shown: str) -> None:
    assert number(value) == shown


def test_identical_scores_in_nats_have_no_interval_that_was_made_for_shares() -> None:
    found = paired_change(SAME, SAME, PASSAGES, -1)
    assert limits(found, "reference_nll") == (None, None)
    assert change_interval(found, "reference_nll") == "identical scores"


def test_identical_shares_keep_the_interval_that_says_what_other_questions_could_show() -> None:
    found = paired_change([0.0] * 12, [0.0] * 12, PASSAGES)
    assert limits(found, "choice_accuracy") == (found.low, found.high)
    assert "to" in change_interval(found, "choice_accuracy")


def test_a_change_in_nats_keeps_its_interval() -> None:
    found = paired_change(SAME, OTHER, PASSAGES, -1)
    assert limits(found, "reference_nll") == (found.low, found.high)


def test_the_first_sentence_ends_where_another_begins() -> None:
    assert first_sentence("It went from 0.4 to 0.5 (+0.1, n = 6). A change of 0.05 is the margin. So.") == \
        "It went from 0.4 to 0.5 (+0.1, n = 6)."
    assert first_sentence("Chosen by 0.5 vs. 0.4 at last") == "Chosen by 0.5 vs. 0.4 at last"
