"""Query every question of a run with its reference, evidence and writer, and the drafts that were rejected."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from store.data_origin import kind_of_writer
from store.database import Store
from store.events import QuestionsAsked, QuestionsRejected, Recorded, ReferencesWritten
from store.queries.event_log import events_of_kinds

TRAIN, TEST, GENERAL = "train", "test", "general"
PARTS = {"held-out": TEST, "general": GENERAL, "questions": TRAIN, "references": TRAIN}
"""Stage that recorded questions or references -> the set that they belong to."""
PRACTICE = "practice"


@dataclass(frozen=True)
class DatasetItem:
    """One question of a run."""

    question_id: str
    cycle: int
    """The cycle that trained it; 0 for the test."""
    part: str
    """`train`, `test` or `general`."""
    tier: str
    topic: str
    title: str
    question: str
    answer: str | None
    missing: str | None
    """Why there is no reference."""
    passage: str
    """Empty where a person gave an answer alone."""
    evidence: str
    source: str
    """The file or page of its passage, or the file and row of a person's question."""
    key_terms: tuple[str, ...]
    distractors: tuple[str, ...]
    origin: str
    """`people`, `rules`, `teacher` or `project`."""
    writer: str


@dataclass(frozen=True)
class RejectedDraft:
    """A draft that validation rejected, or a passage for which none was written."""

    cycle: int
    part: str
    tier: str
    topic: str
    question: str
    reason: str


def dataset_items(store: Store, run: str) -> list[DatasetItem]:
    """Return a run's questions: training by cycle, then the test, then the general ones.

    Of a stage that was executed again, its last execution counts. Rewordings that a cycle adds are of the test.
    """
    latest = _latest(events_of_kinds(store, run, (QuestionsAsked, ReferencesWritten)))
    items = []
    for (cycle, stage, _), recorded in latest.items():
        asked = recorded.event
        if not isinstance(asked, QuestionsAsked):
            continue
        written = latest.get((cycle, "references" if stage == "questions" else stage, ReferencesWritten.event_type))
        references = {one.question_id: one for one in written.event.references} \
            if written and isinstance(written.event, ReferencesWritten) else {}
        for one in asked.questions:
            reference = references.get(one.question_id)
            part = TEST if PARTS[stage] == TRAIN and one.tier != PRACTICE else PARTS[stage]
            items.append(DatasetItem(
                one.question_id, cycle, part, one.tier, one.topic, one.title, one.text,
                reference.text if reference else None, reference.missing if reference else "not written yet",
                one.passage, (reference.evidence if reference else "") or one.evidence, one.address, one.key_terms,
                reference.foils if reference else (), kind_of_writer(asked.teacher), asked.teacher))
    order = {TRAIN: 0, TEST: 1, GENERAL: 2}
    return sorted(items, key=lambda item: (order[item.part], item.cycle))


def rejected_drafts(store: Store, run: str) -> list[RejectedDraft]:
    """Return the drafts of a run that validation rejected, each with its reason."""
    return [RejectedDraft(cycle, PARTS[stage], one.tier, one.topic, one.text, one.reason)
            for (cycle, stage, _), recorded in _latest(events_of_kinds(store, run, (QuestionsRejected,))).items()
            if isinstance(recorded.event, QuestionsRejected) for one in recorded.event.rejected]


def _latest(events: Iterable[Recorded]) -> dict[tuple[int, str, str], Recorded]:
    return {(one.cycle or 0, one.stage, one.event.event_type): one for one in events if one.stage in PARTS}
