"""The replayed everyday questions are none of those that measure forgetting."""

from __future__ import annotations

from knowledge.general_questions import read_general
from knowledge.near_duplicate_questions import NearDuplicateIndex
from knowledge.replay_questions import replay_questions


def test_none_is_asked_by_the_measure_of_forgetting() -> None:
    index = NearDuplicateIndex(question.text for question in read_general())
    assert [text for text in replay_questions() if index.find(text)] == []


def test_all_are_different() -> None:
    assert len(set(replay_questions())) == len(replay_questions()) >= 70
