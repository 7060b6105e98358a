"""A passage that is edited between runs never changes from taught to tested, or from tested to taught."""

from __future__ import annotations

from dataclasses import replace

import pytest

from knowledge.domain import Domain, domain_of
from knowledge.domain_json import from_json, to_json
from knowledge.split_stability import apart_from_earlier
from knowledge.passages import Passage
from knowledge.split import HELD_OUT_SIDE, PRACTICE_SIDE, held_out_passages, practice_passages, side_of
from tests.knowledge.made_up import make_passage

TEXT = ("The keeper of the northern lighthouse writes the hour of every passing ship into a blue book of {} pages, and "
        "sends it to the harbour at the end of the month.")


def passage_on(side: str, start: int = 0) -> Passage:
    """The same statement in nearly the same words, on a side of the split."""
    tries = (replace(make_passage("t", "keeper", TEXT.format(number), questions=()), source="folder")
             for number in range(start, start + 500))
    return next(one for one in tries if side_of(one.id) == side)


def others(count: int = 12) -> list[Passage]:
    return [make_passage("t", f"thing{number}") for number in range(count)]


def domain(*passages: Passage) -> Domain:
    return domain_of("Docs", [*others(), *passages])


def used(found: Domain) -> set[str]:
    return {passage.id for passage in (*practice_passages(found), *held_out_passages(found))}


@pytest.mark.parametrize(("before", "after"), [(PRACTICE_SIDE, HELD_OUT_SIDE), (HELD_OUT_SIDE, PRACTICE_SIDE)])
def test_a_reworded_passage_that_would_change_sides_is_used_on_neither(before: str, after: str) -> None:
    earlier, now = domain(passage_on(before)), domain(reworded := passage_on(after))
    found, comparison = apart_from_earlier(now, [earlier])
    assert found.excluded == {reworded.id} and reworded.id in used(now) and reworded.id not in used(found)
    assert used(found) == used(now) - {reworded.id} and found.hash == now.hash
    assert comparison and (comparison.same, comparison.new, comparison.gone, comparison.reworded,
                           comparison.excluded) == (12, 1, 1, 1, 1)
    assert comparison.sentence("run r") == (
        "Compared with the documents of run r: 1 passage is new (1 of them reworded), 1 passage is gone; 1 would "
        "change sides of the split by that and are used on neither.")


@pytest.mark.parametrize("side", [PRACTICE_SIDE, HELD_OUT_SIDE])
def test_a_reworded_passage_on_its_own_side_stays_in_use(side: str) -> None:
    first = passage_on(side)
    second = passage_on(side, int("".join(filter(str.isdigit, first.text))) + 1)
    found, comparison = apart_from_earlier(domain(second), [domain(first)])
    assert second.id in used(found) and comparison and (comparison.reworded, comparison.excluded) == (1, 0)


def test_a_passage_stays_out_of_use_in_every_later_state(tmp_path: object) -> None:
    first, second = domain(passage_on(PRACTICE_SIDE)), domain(passage_on(HELD_OUT_SIDE))
    kept, _ = apart_from_earlier(second, [first])
    copy = from_json(to_json(kept))
    assert copy.excluded == kept.excluded != frozenset()
    # The first state is not looked at any more; what the second says of it is.
    again, comparison = apart_from_earlier(second, [copy])
    assert again.excluded == kept.excluded
    assert comparison and comparison.sentence("run r").startswith(
        "Compared with the documents of run r: no passage is new or gone; 1 would change")


def test_the_earliest_of_several_states_counts_too() -> None:
    reworded = passage_on(HELD_OUT_SIDE)
    found, comparison = apart_from_earlier(domain(reworded), [domain(), domain(passage_on(PRACTICE_SIDE))])
    assert found.excluded == {reworded.id} and comparison and (comparison.new, comparison.gone) == (1, 0)


def test_without_an_earlier_run_nothing_is_compared() -> None:
    now = domain()
    assert apart_from_earlier(now, []) == (now, None)


def test_a_copy_of_before_is_read_without_exclusions() -> None:
    text = to_json(domain())
    assert from_json(text).excluded == frozenset()
