"""Presentations: which study items a training shows how often, and in which order."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Mapping, Sequence

from knowledge.study.items import StudyItem
from knowledge.study.recipe import READING


def draw_presentations(items: Sequence[StudyItem], shares: Mapping[str, float], count: int,
                       seed: int, weights: Mapping[str, float] | None = None) -> list[StudyItem]:
    """`count` presentations in training order: forms by their shares, passages in turn, items of a passage in turn.

    Every passage is shown equally often (or by its weight), and an item again only after all others of its passage
    and form. A share of a form that a passage lacks goes to the forms that it has. Passages that have reading items
    alone are read and not taught: the share of reading is theirs. Deterministic.

    Args:
        shares: form -> share of the presentations; need not sum to 1.
        weights: passage id -> weight, 1 where it is not named; what is not known yet is shown more often.

    Raises:
        ValueError: no item is of a form that has a share.
    """
    usable = [item for item in items if shares.get(item.form, 0) > 0]
    if not usable:
        raise ValueError(f"no study item is of a form with a share: {', '.join(shares)}")
    rng = random.Random(f"{seed} presentations")
    taught = {item.passage_id for item in usable if item.form != READING}
    read = [item for item in usable if item.passage_id not in taught]
    share = shares.get(READING, 0.0) / sum(shares.values()) if taught else 1.0
    times = round(count * share) if read else 0
    drawn = _in_turn([item for item in usable if item.passage_id in taught], shares, count - times, weights or {}, rng)
    drawn += _in_turn(read, shares, times, {}, rng)
    rng.shuffle(drawn)
    return drawn


def _in_turn(items: Sequence[StudyItem], shares: Mapping[str, float], count: int, weights: Mapping[str, float],
             rng: random.Random) -> list[StudyItem]:
    """`count` presentations of passages by their weights, each passage's forms by their shares."""
    pool: defaultdict[str, defaultdict[str, list[StudyItem]]] = defaultdict(lambda: defaultdict(list))
    for item in items:
        pool[item.passage_id][item.form].append(item)
    if not pool:
        return []
    for forms in pool.values():
        for of_form in forms.values():
            rng.shuffle(of_form)
    numbers = _whole_numbers({id: weights.get(id, 1.0) for id in pool}, count, rng)
    return [item for id in pool for item in _of_passage(pool[id], shares, numbers[id], rng)]


def _of_passage(forms: Mapping[str, list[StudyItem]], shares: Mapping[str, float], count: int,
                rng: random.Random) -> list[StudyItem]:
    numbers = _whole_numbers({form: shares[form] for form in forms}, count, rng)
    return [forms[form][turn % len(forms[form])] for form, number in numbers.items() for turn in range(number)]


def _whole_numbers(weights: Mapping[str, float], count: int, rng: random.Random) -> dict[str, int]:
    """`count` divided in proportion to the weights; who gets what remains is drawn by the fractions."""
    total = sum(weights.values())
    exact = {name: count * weight / total for name, weight in weights.items()}
    numbers = {name: int(value) for name, value in exact.items()}
    remaining = count - sum(numbers.values())
    order = sorted(exact, key=lambda name: (exact[name] - numbers[name]) ** 0.5 * rng.random(), reverse=True)
    for name in order[:remaining]:
        numbers[name] += 1
    return numbers
