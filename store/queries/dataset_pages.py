"""Query a run's questions a page at a time, where every set was written once and no person decided on any.

Only the events of the sets that a page shows are read; how many questions there are is counted by the database.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from sqlalchemy import and_, func, or_, select

from knowledge.garbage_collection import collection_paused
from store import schema
from store.data_origin import Origin
from store.database import Store
from store.dataset_items import (
    GENERAL, PARTS, PRACTICE, TEST, TRAIN, DatasetItem, RejectedDraft, rejected_of, review_of,
)
from store.event_log.event_rows import read_kinds
from store.events import QuestionsAsked, QuestionsRejected, ReferencesWritten
from store.queries.data_origin import CountedTier, counted_origins, counted_tiers, writers_of_unchanged


class QuestionSet(NamedTuple):
    """The questions that one stage wrote, and how many of them there are."""

    cycle: int
    stage: str
    questions: int
    references: int

    @property
    def part(self) -> str:
        """`train`, `test` or `general`."""
        return PARTS[self.stage]


@dataclass(frozen=True)
class UnchangedSets:
    """The sets of a run in the order in which its questions are listed, with who wrote them."""

    sets: tuple[QuestionSet, ...]
    origins: list[Origin]
    drafts: list[RejectedDraft]

    def of(self, part: str = "") -> tuple[QuestionSet, ...]:
        """Return the sets of one part; of all parts if it is empty."""
        return tuple(one for one in self.sets if part in ("", one.part))

    def count(self, part: str = "") -> int:
        """Return the number of questions of one part; of all parts if it is empty."""
        return sum(one.questions for one in self.of(part))

    @property
    def has_references(self) -> bool:
        """Whether any question has a reference."""
        return any(one.references for one in self.sets)


def unchanged_sets(store: Store, run: str) -> UnchangedSets | None:
    """Return a run's sets; None if one was written more than once, or a person decided on any of its questions."""
    with store.read() as connection:
        writers = writers_of_unchanged(connection, run)
        counted = counted_tiers(connection, run) if writers else []
        sets = _sets(counted)
        if not writers or sets is None or not {(one.cycle, one.stage) for one in sets} <= writers.keys():
            return None
        drafts = rejected_of(read_kinds(connection, run, (QuestionsRejected,)))
        return UnchangedSets(sets, counted_origins(counted, writers, drafts), drafts)


def items_between(store: Store, run: str, sets: Sequence[QuestionSet], first: int, size: int) -> list[DatasetItem]:
    """Return so many questions of these sets from position `first` on; other sets are not read.

    Args:
        store: the store.
        run: the run's id.
        sets: in the order in which their questions are counted.
        first: position of the first question, from 0.
        size: how many to return at most.
    """
    wanted, skipped, position = [], 0, 0
    for one in sets:
        if position + one.questions <= first:
            skipped += one.questions
        elif position < first + size:
            wanted.append(one)
        position += one.questions
    return _items_of(store, run, wanted)[first - skipped:first - skipped + size] if wanted else []


def count_of_questions(store: Store, run: str, questions: Sequence[str]) -> int:
    """Count how often these questions, by id, are in the sets of a run."""
    table = schema.questions
    if not questions:
        return 0
    with store.read() as connection:
        return int(connection.execute(select(func.count()).select_from(table).where(
            table.c.run == run, table.c.question.in_(questions))).scalar_one())


def _sets(counted: Iterable[CountedTier]) -> tuple[QuestionSet, ...] | None:
    """Return the sets in order; None if a cycle's own set has other questions than practice, which are listed apart."""
    counts: dict[tuple[int, str], tuple[int, int]] = {}
    for one in counted:
        if one.cycle and one.tier != PRACTICE:
            return None
        before = counts.get((one.cycle, one.stage), (0, 0))
        counts[one.cycle, one.stage] = before[0] + one.questions, before[1] + one.references
    order = (TRAIN, TEST, GENERAL)
    return tuple(sorted((QuestionSet(*key, *numbers) for key, numbers in counts.items()),
                        key=lambda one: (order.index(one.part), one.cycle)))


def _items_of(store: Store, run: str, sets: Sequence[QuestionSet]) -> list[DatasetItem]:
    table = schema.events
    of_sets = or_(*(and_(func.coalesce(table.c.cycle, 0) == one.cycle, table.c.stage.in_(
        ("questions", "references") if one.stage == "questions" else (one.stage,))) for one in sets))
    with collection_paused(), store.read() as connection:
        recorded = read_kinds(connection, run, (QuestionsAsked, ReferencesWritten), 0, of_sets)
        return list(review_of(recorded).items)
