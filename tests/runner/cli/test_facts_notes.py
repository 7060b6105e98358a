"""Before a launch both numbers are said, where more questions are asked for than there are facts."""

from __future__ import annotations

import dataclasses

import pytest

from knowledge.domain import Domain, domain_of
from knowledge.split import held_out_passages, practice_passages
from store.analysis.documents_notes import count_documents, facts_notes
from store.run_config import OFFLINE_TEACHER
from tests.knowledge.made_up import WORDS, make_passage
from tests.plain_runs import plain_run


@pytest.fixture
def half_asked() -> Domain:
    """Twenty passages, of which every second one has no question."""
    made = [make_passage("amber", word) for word in WORDS[:20]]
    return domain_of("half", [dataclasses.replace(passage, questions=()) if place % 2 else passage
                              for place, passage in enumerate(made)])


@pytest.mark.parametrize("teacher", [OFFLINE_TEACHER, "gpt-4o-mini"])
def test_both_numbers_are_said_for_each_side(half_asked: Domain, teacher: str) -> None:
    config = dataclasses.replace(plain_run(questions=500, cycles=2, held_out=400), topics=(), teacher=teacher)
    sides = (practice_passages(half_asked), held_out_passages(half_asked))
    counted = [sum(bool(passage.questions) or teacher != OFFLINE_TEACHER for passage in side) for side in sides]
    training, held_out = facts_notes(config, count_documents(half_asked))
    told = "questions are asked for, and the chosen topics have"
    assert f"1,000 training {told} {counted[0]} training passages" in training
    assert f"400 held-out {told} {counted[1]} held-out passages" in held_out
    assert ("that the offline teacher asks about" in training) == (teacher == OFFLINE_TEACHER)


def test_nothing_is_said_where_there_are_facts_enough(half_asked: Domain) -> None:
    config = dataclasses.replace(plain_run(questions=2, cycles=1, held_out=0), topics=(), teacher=OFFLINE_TEACHER)
    assert facts_notes(config, count_documents(half_asked)) == []
