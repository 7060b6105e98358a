"""The placebo of study items: the same prompts with the answers of another passage, within topic and form.

It teaches the domain's wording, every form and every length, but no fact: what it changes is style.
"""

from __future__ import annotations

import dataclasses
import random
from collections import defaultdict
from collections.abc import Iterable, Sequence

from knowledge.passages import Passage
from knowledge.study.items import StudyItem


def shuffled_within(items: Sequence[StudyItem], passages: Iterable[Passage], seed: int) -> tuple[StudyItem, ...]:
    """The items, in order, each with the answer of another passage's item of the same form.

    The other passage is of the same topic where the topic has one with items of this form, else of any topic. A
    document keeps its title over the other's text. Deterministic.

    Raises:
        ValueError: a form has items of a single passage only, so that it would keep its own answers.
    """
    by_id = {passage.id: passage for passage in passages}
    answers: defaultdict[str, dict[str, list[StudyItem]]] = defaultdict(dict)
    for item in items:
        answers[item.form].setdefault(item.passage_id, []).append(item)
    partner = {form: _partners([by_id[id] for id in of_form], f"{seed} {form}")
               for form, of_form in answers.items()}
    position: defaultdict[tuple[str, str], int] = defaultdict(int)
    shuffled = []
    for item in items:
        other = by_id[partner[item.form][item.passage_id]]
        theirs = answers[item.form][other.id]
        number = position[item.form, item.passage_id]
        position[item.form, item.passage_id] += 1
        shuffled.append(_with_answer_of(item, theirs[number % len(theirs)], by_id[item.passage_id], other))
    return tuple(shuffled)


def _with_answer_of(item: StudyItem, other: StudyItem, passage: Passage, other_passage: Passage) -> StudyItem:
    answer = other.answer
    if not item.prompt:
        answer = passage.title + answer.removeprefix(other_passage.title)
    return dataclasses.replace(item, answer=answer, key_term=other.key_term, complete=other.complete)


def _partners(passages: list[Passage], seed: str) -> dict[str, str]:
    """Passage id -> id of another: a random cycle within each topic; passages alone in theirs form a last cycle."""
    if len(passages) < 2:
        raise ValueError("answers cannot be swapped: only one passage has study items of this form")
    rng = random.Random(seed)
    topics: defaultdict[str, list[str]] = defaultdict(list)
    for passage in sorted(passages, key=lambda one: one.id):
        topics[passage.topic].append(passage.id)
    alone = [ids[0] for ids in topics.values() if len(ids) == 1]
    cycles = [ids for ids in topics.values() if len(ids) > 1] + ([alone] if len(alone) > 1 else [])
    if len(alone) == 1:
        cycles[0] += alone
    for cycle in cycles:
        rng.shuffle(cycle)
    return {one: other for cycle in cycles for one, other in zip(cycle, cycle[1:] + cycle[:1], strict=True)}
