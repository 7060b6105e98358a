"""Query who wrote a run's questions and references."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from sqlalchemy import Connection, func, select

from store import schema
from store.data_origin import Origin, kind_of_writer
from store.database import Store
from store.dataset_items import (
    GENERAL, KINDS, PARTS, PRACTICE, TEST, TRAIN, RejectedDraft, origins_from, rejected_of, review_of,
)
from store.event_log.event_rows import read_kinds
from store.events import QuestionsAsked, QuestionsRejected, ReferencesWritten

_SET_NAMES = {TRAIN: "training", TEST: "test", GENERAL: "general"}
_WRITER_BEGINS = re.compile(r'\{"teacher":("(?:[^"\\]|\\.)*")')
"""How the JSON of questions begins: the writer is the event's first field."""
_BEGINNING = 1_000


class QuestionOrigins(NamedTuple):
    """Who wrote each set of a run's questions, and the versions of the training set and of the test."""

    origins: list[Origin]
    versions: Mapping[str, int]
    """Part -> version: 1 is what the run used, and each correction makes one more."""


def origins_of(store: Store, run: str) -> list[Origin]:
    """Return who wrote each set of a run as it was used, and what people edited and rejected before that."""
    return question_origins(store, run, version=1).origins


def question_origins(store: Store, run: str, version: int | None = None) -> QuestionOrigins:
    """Return who wrote each set of a run's questions, how much of it people edited, and what was rejected.

    Where every set was written once and no person decided on it, the questions are counted by the database.

    Args:
        store: the store.
        run: the run's id.
        version: of the training set and the test; None is the newest, 1 is what the run used.
    """
    with store.read() as connection:
        writers = writers_of_unchanged(connection, run)
        if writers is not None:
            rejected = rejected_of(read_kinds(connection, run, (QuestionsRejected,)))
            return QuestionOrigins(counted_origins(counted_tiers(connection, run), writers, rejected), {})
        recorded = read_kinds(connection, run, (*KINDS, QuestionsRejected))
    review = review_of(recorded, version)
    return QuestionOrigins(origins_from(review.items, rejected_of(recorded)), review.versions)


def writers_of_unchanged(connection: Connection, run: str) -> dict[tuple[int, str], str] | None:
    """Return cycle and stage -> writer; None if a set was written more than once, or a person decided on any."""
    table = schema.events
    rows = connection.execute(
        select(table.c.kind, table.c.cycle, table.c.stage, func.substr(table.c.payload, 1, _BEGINNING))
        .where(table.c.run == run, table.c.kind.in_([kind.event_type for kind in KINDS]))).all()
    asked = [(row[1] or 0, row[2], _WRITER_BEGINS.match(row[3])) for row in rows
             if row[0] == QuestionsAsked.event_type]
    once = len({tuple(row[:3]) for row in rows}) == len(rows)
    plain = all(row[0] in (QuestionsAsked.event_type, ReferencesWritten.event_type) for row in rows)
    if not (once and plain):
        return None
    found = {(cycle, stage): json.loads(begins[1]) for cycle, stage, begins in asked if begins and stage in PARTS}
    return found if len(found) == len(asked) else None


class CountedTier(NamedTuple):
    """How many questions of one tier a set has, and how many references."""

    cycle: int
    stage: str
    tier: str
    questions: int
    references: int


def counted_tiers(connection: Connection, run: str) -> list[CountedTier]:
    """Return the tiers of each set of a run, counted by the database."""
    table = schema.questions
    rows = connection.execute(
        select(table.c.cycle, table.c.tier, func.count(), func.count(table.c.reference))
        .where(table.c.run == run).group_by(table.c.cycle, table.c.tier).order_by(table.c.cycle, table.c.tier)).all()
    return [CountedTier(cycle, "questions" if cycle else "general" if tier == GENERAL else "held-out", tier, *numbers)
            for cycle, tier, *numbers in rows]


def counted_origins(counted: Iterable[CountedTier], writers: Mapping[tuple[int, str], str],
                    drafts: Iterable[RejectedDraft]) -> list[Origin]:
    """Return who wrote each set and how many questions and references it has.

    Args:
        counted: the tiers of each set.
        writers: of the sets, by cycle and stage.
        drafts: of the run that validation rejected.
    """
    rejected = Counter(one.part for one in drafts)
    counts: dict[tuple[str, str], tuple[int, int]] = {}
    for one in counted:
        key = TEST if one.cycle and one.tier != PRACTICE else PARTS[one.stage], writers[one.cycle, one.stage]
        before = counts.get(key, (0, 0))
        counts[key] = before[0] + one.questions, before[1] + one.references
    return [Origin(_SET_NAMES[part], kind_of_writer(writer), writer, questions, references, rejected[part])
            for part in (TRAIN, TEST, GENERAL) for (of_part, writer), (questions, references) in counts.items()
            if of_part == part]
