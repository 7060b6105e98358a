"""Study items with passages before the question, as the retrieval arm asks: the student learns to read and to quote.

They are a stream of their own beside the closed-book items, which never carry the passage that they teach, and ask
about other passages than these do. In a share of them the right passage is absent, and the answer says so. Pure.
"""

from __future__ import annotations

import functools
import math
import random
from collections.abc import Callable, Collection, Sequence

from rapidfuzz import fuzz

from knowledge.passages import Passage
from knowledge.near_duplicate_texts import SAME_TEXT
from knowledge.study import StudyItem
from knowledge.study.recipe import READING
from knowledge.study.passage_parts import content_words, sentences
from runner.pipeline.stages.context_prompts import ContextStyle, passage_item
from store.control_arms import CONTEXT_ITEMS

ITEMS, ITEMS_A_PASSAGE = 1200, 20
"""Items of a training set, and at most of a passage."""
ABSENT = 0.05
"""Share of the items whose own passage is not among those shown. With a fifth of them, the embedded student said of
half of all questions that the notes do not say (tests/bench/README.md)."""
FEWEST_READ = 10
"""Passages that must be there beside the taught ones, for these not to be read."""
NOT_IN_NOTES = "The notes do not say."
WITH, WITHOUT = "with the right passage", "without the right passage"
"""Names of the wordings."""
_NEAREST = 6
"""Passages among which the first distractor of an item is drawn: those that share most words with the right one."""


def passages_to_read(trainable: Sequence[Passage], taught: Collection[str], seed: int) -> list[Passage]:
    """The passages that reading items ask about: trainable ones with questions that are not taught closed-book.

    A student that knows a passage by heart answers from memory, and does not learn to read. Where there are too few
    others, the taught ones are read too.

    Args:
        taught: ids of passages.
    """
    asked = [passage for passage in trainable if passage.questions]
    others = [passage for passage in asked if passage.id not in taught]
    found = others if len(others) >= FEWEST_READ else asked
    return random.Random(f"{seed} read").sample(found, min(len(found), ITEMS))


def reading_stream(trainable: Sequence[Passage], taught: Collection[str], seed: int, style: ContextStyle,
                   fits: Callable[[StudyItem], bool]) -> tuple[list[StudyItem], int, list[Passage]]:
    """The reading items of a training, how many show fewer passages than the retrieval arm, and the passages read.

    Args:
        trainable: passages that may be asked about and shown.
        taught: ids of those that are taught closed-book.
        seed: of passages, distractors and order.
        style: the template of the retrieval arms.
        fits: whether an item can be trained whole.
    """
    read = passages_to_read(trainable, taught, seed)
    each = min(ITEMS_A_PASSAGE, math.ceil(ITEMS / max(1, len(read))))
    made = [reading_items(passage, each, trainable, seed, style, fits) for passage in read]
    return [item for found, _ in made for item in found], sum(shortened for _, shortened in made), read


def reading_items(passage: Passage, count: int, others: Sequence[Passage], seed: int, style: ContextStyle,
                  fits: Callable[[StudyItem], bool]) -> tuple[list[StudyItem], int]:
    """The reading items of a passage, and how many of them show fewer passages than the retrieval arm does.

    They show fewer distractors where an item would be too long. The passages of an item are in random order.

    Args:
        passage: its questions are used in turn.
        count: number of items.
        others: passages that distractors may come from; those of the same topic come first.
        seed: of distractors and order.
        style: the template of the retrieval arms.
        fits: whether an item can be trained whole.
    """
    rng = random.Random(f"{seed} {passage.id} reading")
    ranked = _ranked(passage, others)
    questions = rng.sample(passage.questions, len(passage.questions))
    items, shortened = [], 0
    for number in range(count if questions and ranked else 0):
        absent = rng.random() < ABSENT
        distractors = _drawn(ranked, CONTEXT_ITEMS - (not absent), rng)
        made = functools.partial(_item, passage, questions[number % len(questions)], absent=absent, order=rng.random(),
                                 style=style)
        item = made(distractors)
        while not fits(item) and len(distractors) > 1:
            distractors = distractors[:-1]
            item = made(distractors)
        shortened += len(distractors) + (not absent) < CONTEXT_ITEMS
        items.append(item)
    return items, shortened


def quoted(passage: Passage) -> str:
    """What an answer quotes: the passage's sentences that state a key term, in order; else all of them."""
    found = [text for text in sentences(passage.text)
             if any(term.casefold() in text.casefold() for term in passage.key_terms)]
    return " ".join(found or sentences(passage.text))


def _item(passage: Passage, question: str, distractors: Sequence[Passage], absent: bool, order: float,
          style: ContextStyle) -> StudyItem:
    """Make one item.

    Args:
        passage: what is asked about.
        question: one of its wordings.
        distractors: other passages to show.
        absent: whether the passage itself is not shown, so that the answer says so.
        order: place (0..1) of the passage among the others.
        style: the template of the prompt.
    """
    texts = [passage_item(other).text for other in distractors]
    if not absent:
        texts.insert(int(order * (len(texts) + 1)), passage_item(passage).text)
    return StudyItem(passage.id, READING, WITHOUT if absent else WITH, style.prompt(texts, question),
                     NOT_IN_NOTES if absent else quoted(passage))


def _ranked(passage: Passage, others: Sequence[Passage]) -> list[Passage]:
    """The passages that can be distractors, those that share most words first; none says nearly the same.

    They are of the same topic where it has enough, else those of other topics follow.
    """
    usable = _usable(passage, [other for other in others if other.topic == passage.topic])
    if len(usable) < _NEAREST:  # only then: each comparison of texts takes microseconds, and there may be thousands
        usable = _usable(passage, others)
    own = _words(passage.title) | _words(passage.text)
    return sorted(usable, key=lambda other: (other.topic != passage.topic,
                                             -len(own & (_words(other.title) | _words(other.text)))))


def _usable(passage: Passage, others: Sequence[Passage]) -> list[Passage]:
    return [other for other in others if other.id != passage.id and fuzz.ratio(other.text, passage.text) < SAME_TEXT]


@functools.lru_cache(maxsize=20_000)
def _words(text: str) -> frozenset[str]:
    return frozenset(map(str.casefold, content_words(text)))


def _drawn(ranked: Sequence[Passage], count: int, rng: random.Random) -> list[Passage]:
    """One of the nearest, the others of any of the same topic where there are enough."""
    first = rng.choice(ranked[:_NEAREST])
    topic = [other for other in ranked if other.topic == ranked[0].topic and other is not first]
    rest = topic if len(topic) >= count - 1 else [other for other in ranked if other is not first]
    return [first, *rng.sample(rest, min(count - 1, len(rest)))]
