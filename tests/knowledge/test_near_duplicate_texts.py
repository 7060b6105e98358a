"""Look-ups by rare words find what comparing each with each finds, and compare far less."""

from __future__ import annotations

import random
from typing import Any

import pytest
from rapidfuzz import fuzz

from knowledge import near_duplicate_questions, near_duplicate_texts
from knowledge.domain import kubernetes
from knowledge.near_duplicate_questions import NearDuplicateIndex, find_near_duplicate, normalize
from knowledge.near_duplicate_texts import (
    CONTAINED_TEXT, MIN_TELLING_WORDS, MOST_COMPARED, SAME_TEXT, SimilarTexts,
)
from knowledge.split import comparison_text
from tests.knowledge.made_up import WORDS


def each_with_each(text: str, known: list[str]) -> bool:
    """Whether a text matches a known one, by comparing it with every one."""
    words = set(text.split())
    return any(text == other or fuzz.ratio(text, other) >= SAME_TEXT
               or (min(len(text.split()), len(other.split())) >= MIN_TELLING_WORDS
                   and len(words & set(other.split())) >= 0.7 * min(len(words), len(set(other.split())))
                   and fuzz.token_set_ratio(text, other) >= CONTAINED_TEXT) for other in known)


def test_similar_texts_are_those_that_comparing_each_with_each_finds() -> None:
    texts = [comparison_text(passage) for passage in kubernetes().passages]
    random.Random(5).shuffle(texts)
    known, asked = texts[:600], texts[600:700]
    index = SimilarTexts(known)
    found = [index.has_match(text) for text in asked]
    assert found == [each_with_each(text, known) for text in asked] and any(found) and not all(found)


@pytest.mark.parametrize(("text", "matches"), [
    ("a queue holds at most forty jobs on the disk of one scheduler", True),
    ("a queue holds at most fifty jobs on the disk of one scheduler", True),
    ("in every release a queue holds at most forty jobs on the disk of one scheduler and no more than that", True),
    ("a worker returns its lease to the pool before the night begins", False)])
def test_a_text_matches_what_says_the_same_or_contains_it(text: str, matches: bool) -> None:
    assert SimilarTexts(["a queue holds at most forty jobs on the disk of one scheduler"]).has_match(text) is matches


def made_up_questions(count: int) -> list[str]:
    """Questions of five made-up words each; every tenth one repeats an earlier one with one word spelt otherwise."""
    chance, made = random.Random(2), list[str]()
    for number in range(count):
        again = made[chance.randrange(len(made))].replace("return", "returns") if number % 10 == 9 else ""
        words = ["".join(chance.choices("abcdefghijklmnopqrstuvwxyz", k=7)) for _ in range(3)] + chance.sample(WORDS, 2)
        made.append(again or f"what does the {' '.join(words)} return?")
    return made


def test_near_duplicates_are_those_that_comparing_each_with_each_finds() -> None:
    index, known, found = NearDuplicateIndex(), list[str](), list[str | None]()
    for text in made_up_questions(300):
        same = next((other for other in known if normalize(other) == normalize(text)), None)
        found.append(index.find(text))
        assert found[-1] == (same or find_near_duplicate(text, known))
        index.add(text)
        known.append(text)
    assert sum(one is not None for one in found) == 30


def test_ten_times_the_questions_need_far_less_than_a_hundred_times_the_comparisons(
        monkeypatch: pytest.MonkeyPatch) -> None:
    compare, calls = near_duplicate_questions.is_near_duplicate, [0]

    def counted(one: str, other: str) -> bool:
        calls[0] += 1
        return compare(one, other)
    monkeypatch.setattr(near_duplicate_questions, "is_near_duplicate", counted)
    needed = []
    for count in (300, 3_000):
        calls[0], index = 0, NearDuplicateIndex()
        for text in made_up_questions(count):
            index.find(text)
            index.add(text)
        needed.append(calls[0])
    assert needed[1] <= 20 * needed[0]


def test_texts_in_the_same_words_are_compared_with_a_bounded_number(monkeypatch: pytest.MonkeyPatch) -> None:
    chance, compared, extract = random.Random(3), list[int](), near_duplicate_texts.process.extractOne

    def counted(text: str, others: list[str], **how: Any) -> object:
        compared.append(len(others))
        return extract(text, others, **how)

    def fact() -> str:
        names = ["".join(chance.choices("abcdefghijklmnopqrstuvwxyz", k=12)) for _ in range(4)]
        return "calls the {} watch to the {} stairs and by the last stroke at {} of the {}".format(*names)
    known = [fact() for _ in range(3_000)]
    index = SimilarTexts(known)
    monkeypatch.setattr(near_duplicate_texts.process, "extractOne", counted)
    assert not any(index.has_match(fact()) for _ in range(50))
    assert len(compared) == 50 and max(compared) <= MOST_COMPARED
    assert all(index.has_match(text.replace("last stroke", "first stroke")) for text in known[:50])
