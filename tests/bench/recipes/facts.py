"""The facts of the lab: which notes are taught, by which wordings they are asked, and which notes never are."""

from __future__ import annotations

import dataclasses
import functools
from dataclasses import dataclass

from knowledge.domain import Domain, domain_of
from knowledge.kubernetes.notes import read_notes
from knowledge.passages import Passage
from knowledge.split import held_out_passages, practice_passages

TOPICS = ("pods", "deployments", "jobs", "services")
"""The topics of the taught facts; the control's facts come from them first, then from the others."""
TAUGHT, HELD_OUT = 60, 40
RESERVED, SECOND = "reserved", "second"
WORDINGS = {RESERVED: "the wording that is reserved for the test; all of the note's questions may be trained",
            SECOND: "the note's second question, which is then not trained; nearer to the first than a reserved one"}
"""How the exam may ask for a fact."""


@dataclass(frozen=True)
class Fact:
    """One note with the wordings that may be trained and the one that is locked for the test."""

    passage: Passage
    """Its questions are the trainable ones."""
    locked: str

    @property
    def reference(self) -> str:
        return " ".join(self.passage.text.split())


@functools.cache
def taught(count: int = TAUGHT, wordings: str = RESERVED) -> tuple[Fact, ...]:
    """The first facts of the topics in turn, so that any even share of them has as many of each topic."""
    queues = [[passage for passage in practice_passages(domain()) if passage.topic == topic] for topic in TOPICS]
    found = [queue[number] for number in range(max(map(len, queues))) for queue in queues if number < len(queue)]
    return tuple(_fact(passage, wordings) for passage in found[:count])


@functools.cache
def held_out(count: int = HELD_OUT, wordings: str = RESERVED) -> tuple[Fact, ...]:
    """Facts that no recipe teaches, of the taught topics first."""
    ordered = sorted(held_out_passages(domain()), key=lambda passage: (passage.topic not in TOPICS, passage.id))
    return tuple(_fact(passage, wordings) for passage in ordered[:count])


def siblings(fact: Fact, facts: tuple[Fact, ...]) -> tuple[Fact, ...]:
    """The other facts of the topic among those given."""
    return tuple(one for one in facts if one.passage.topic == fact.passage.topic and one != fact)


@functools.cache
def domain() -> Domain:
    """The built-in notes, without the API reference."""
    return domain_of("Kubernetes v1.28", read_notes())


def _fact(passage: Passage, wordings: str) -> Fact:
    """The note with its locked wording; where none is reserved, its second question is locked instead of trained."""
    if wordings == RESERVED and passage.test_questions:
        return Fact(passage, passage.test_questions[0])
    first, second, *others = passage.questions
    return Fact(dataclasses.replace(passage, questions=(first, *others)), second)
