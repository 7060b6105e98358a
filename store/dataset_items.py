"""The questions of a run with their references as they stand now: drafted, reviewed, asked, corrected. Pure.

Of a run with a review, the drafts count until it has ended, and then what it approved. What people change later is a
correction: it changes no result, and makes another version of the training set or of the test.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

from store.data_origin import PEOPLE, Origin, kind_of_writer
from store.events import (
    AddedRecord, DraftsAskedAgain, Event, ItemChange, ItemsApproved, ItemsDrafted, ItemsReviewed, QuestionRecord,
    QuestionsAsked, QuestionsRejected, Recorded, ReferenceRecord, ReferencesWritten, ReviewFinished, WantedAgain,
)
from store.files import sha256_of

TRAIN, TEST, GENERAL = "train", "test", "general"
PARTS = {"held-out": TEST, "general": GENERAL, "questions": TRAIN, "references": TRAIN}
"""Stage that recorded questions or references -> the set that they belong to."""
PRACTICE = "practice"
UNDECIDED, APPROVED, REJECTED = "undecided", "approved", "rejected"
DECISIONS = (APPROVED, REJECTED)
KINDS: tuple[type[Event], ...] = (QuestionsAsked, ReferencesWritten, ItemsDrafted, ItemsReviewed, DraftsAskedAgain,
                                  ReviewFinished, ItemsApproved)
"""The events that say what a run's questions are."""


class DatasetItem(NamedTuple):
    """One question of a run; a tuple, because a page makes thousands of them, and a frozen dataclass takes longer."""

    question_id: str
    cycle: int
    """The cycle that trains it; 0 for the test."""
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
    decision: str = APPROVED
    """`undecided` while it is to be reviewed, `approved`, or `rejected`."""
    edited: bool = False
    """Whether a person changed its question or its reference."""
    by: str = ""
    """Who decided last; empty where nobody did."""
    reason: str = ""
    round: int = 1
    """Which drafting it comes from; more than 1 where it was written in place of a rejected one."""
    sealed: bool = False
    """Whether it belongs to a shared test that nobody may change any more."""
    drafted_id: str = ""
    """Its id before an edit of the review; empty where there was none."""
    drafted_question: str = ""
    """The question before the first edit; empty where it was not edited."""
    drafted_answer: str = ""
    """The reference before the first edit; empty where it was not edited."""
    passage_id: str = ""

    @property
    def seen(self) -> str:
        """Hash of what a person decides about; a decision names it, so that nobody overwrites what they did not see."""
        return sha256_of(f"{self.question}\0{self.answer}\0{self.decision}".encode("utf-8", "surrogatepass"))[:16]


@dataclass(frozen=True)
class DatasetReview:
    """A run's questions, and how far their review is."""

    items: tuple[DatasetItem, ...]
    """Training by cycle, then the test, then the general ones; rejected ones too."""
    drafted: bool = False
    """Whether the run has a review."""
    finished: bool = False
    """Whether the review has ended, so that any change is a correction."""
    round: int = 0
    versions: Mapping[str, int] = field(default_factory=dict)
    """Part -> version: 1 is what the run used, and each correction makes one more."""
    asked_again: Mapping[tuple[str, int, str], int] = field(default_factory=dict)
    """Part, cycle and tier -> how many questions were asked for again so far."""

    @property
    def open(self) -> bool:
        """Whether the run waits for decisions, or is writing drafts for them."""
        return self.drafted and not self.finished

    def item(self, question_id: str) -> DatasetItem | None:
        """Return an item by its id, also by that from before its edit."""
        return next((one for one in self.items if question_id in (one.question_id, one.drafted_id)), None)

    def of(self, decision: str) -> list[DatasetItem]:
        """Return the items with this decision, without the general ones, which nobody reviews."""
        return self._by_decision.get(decision, [])

    @cached_property
    def _by_decision(self) -> dict[str, list[DatasetItem]]:
        found: dict[str, list[DatasetItem]] = {}
        for one in self.items:
            if one.part != GENERAL:
                found.setdefault(one.decision, []).append(one)
        return found

    def wanted_again(self) -> tuple[WantedAgain, ...]:
        """Return how many questions are to be written in place of rejected ones; people's own are not."""
        rejected: dict[tuple[str, int, str], int] = {}
        for one in self.of(REJECTED):
            if one.origin != PEOPLE:
                key = (TRAIN if one.cycle else TEST, one.cycle, one.tier)
                rejected[key] = rejected.get(key, 0) + 1
        return tuple(WantedAgain(*key, left) for key, count in rejected.items()
                     if (left := count - self.asked_again.get(key, 0)) > 0)


def review_of(recorded: Iterable[Recorded], version: int | None = None) -> DatasetReview:
    """Return the questions of a run from its events of `KINDS`, in order.

    Of a stage that was executed again, its last execution counts.

    Args:
        version: leaves out later corrections than those of this version of each part; None takes all.
    """
    events = list(recorded)
    approved = {(event.part, event.of_cycle): event for one in events if isinstance(event := one.event, ItemsApproved)}
    drafts = {(event.part, event.of_cycle, event.round): event for one in events
              if isinstance(event := one.event, ItemsDrafted)}
    end = max((one.seq for one in events if isinstance(one.event, ReviewFinished)), default=None)
    finished = end is not None or (bool(events) and not drafts)
    items: dict[str, DatasetItem] = {}
    if drafts and not approved:
        items |= {one.question_id: one for event in drafts.values() for one in _drafted(event)}
    else:
        asked = [one for one in _asked(events) if not approved or one.part == GENERAL]
        items |= {one.question_id: one for event in approved.values() for one in _approved(event, drafts.values())}
        for item in asked:
            items[f"{item.question_id} {item.cycle}" if item.question_id in items else item.question_id] = item
    parts = {one.part for one in items.values()}
    versions = {part: 1 for part in (TRAIN, TEST) if part in parts}
    for one in events:
        if isinstance(event := one.event, ItemsReviewed):
            correction = finished and (end is None or one.seq > end)
            if approved and not correction:
                continue  # contained in what was approved
            _apply(items, versions, event, correction, version)
    again: dict[tuple[str, int, str], int] = {}
    for wanted in (wanted for one in events if isinstance(one.event, DraftsAskedAgain) for wanted in one.event.wanted):
        key = (wanted.part, wanted.of_cycle, wanted.tier)
        again[key] = again.get(key, 0) + wanted.count
    order = {TRAIN: 0, TEST: 1, GENERAL: 2}
    return DatasetReview(tuple(sorted(items.values(), key=lambda item: (order[item.part], item.cycle))), bool(drafts),
                         finished, max((event.round for event in drafts.values()), default=0), versions, again)


def latest_of_stages(events: Iterable[Recorded]) -> dict[tuple[int, str, str], Recorded]:
    """Return cycle, stage and kind -> the last event of the stages that record questions or references."""
    return {(one.cycle or 0, one.stage, one.event.event_type): one for one in events if one.stage in PARTS}


def _apply(items: dict[str, DatasetItem], versions: dict[str, int], event: ItemsReviewed, correction: bool,
           version: int | None) -> None:
    parts = {items[change.question_id].part for change in event.changes if change.question_id in items}
    parts |= {one.part for one in event.added}
    if correction:
        parts = {part for part in parts if version is None or versions.get(part, 1) < version}
        for part in parts:
            versions[part] = versions.get(part, 1) + 1
    for change in event.changes:
        one = items.get(change.question_id)
        if one is not None and one.part in parts:
            items[change.question_id] = _changed(one, change, event)
    for added in event.added:
        if added.part in parts:
            items[added.question.question_id] = added_item(added)._replace(by=event.by, reason=event.reason)


def added_item(added: AddedRecord) -> DatasetItem:
    """Return a question that a person added."""
    one = added.question
    return DatasetItem(
        one.question_id, added.of_cycle, added.part, one.tier, one.topic, one.title, one.text, added.answer, None,
        one.passage, one.evidence, one.address, one.key_terms, (), PEOPLE, added.writer, passage_id=one.passage_id)


def _changed(one: DatasetItem, change: ItemChange, event: ItemsReviewed) -> DatasetItem:
    texts: dict[str, Any] = {}
    if change.question is not None:
        texts |= {"question": change.question, "drafted_question": one.drafted_question or one.question}
    if change.answer is not None:
        texts |= {"answer": change.answer, "missing": None, "drafted_answer": one.drafted_answer or one.answer or ""}
    return one._replace(decision=change.decision, by=event.by, reason=event.reason, edited=one.edited or bool(texts),
                        **texts)


def _asked(events: Sequence[Recorded]) -> Iterable[DatasetItem]:
    latest = latest_of_stages(one for one in events if isinstance(one.event, (QuestionsAsked, ReferencesWritten)))
    for (cycle, stage, _), recorded in latest.items():
        asked = recorded.event
        if not isinstance(asked, QuestionsAsked):
            continue
        written = latest.get((cycle, "references" if stage == "questions" else stage, ReferencesWritten.event_type))
        references = written.event.references if written and isinstance(written.event, ReferencesWritten) else ()
        yield from _items(PARTS[stage], cycle, asked.teacher, asked.questions, references)


def _drafted(event: ItemsDrafted) -> Iterable[DatasetItem]:
    return _items(event.part, event.of_cycle, event.teacher, event.questions, event.references,
                  decision=APPROVED if event.sealed else UNDECIDED, round=event.round, sealed=event.sealed)


def _approved(event: ItemsApproved, drafts: Iterable[ItemsDrafted]) -> Iterable[DatasetItem]:
    was = {one.question_id: one.drafted_id for one in event.edited}
    before = {question.question_id: (question.text, next((
        one.text or "" for one in draft.references if one.question_id == question.question_id), ""))
        for draft in drafts for question in draft.questions if question.question_id in was.values()}
    before |= {one.question.question_id: (one.question.text, one.answer) for one in event.added}
    writers = {one.question.question_id: one.writer for one in event.added}
    for one in _items(event.part, event.of_cycle, event.teacher, event.questions, event.references):
        if writer := writers.get(was.get(one.question_id, one.question_id)):
            one = one._replace(origin=PEOPLE, writer=writer)
        if one.question_id in was:
            question, answer = before.get(was[one.question_id], ("", ""))
            one = one._replace(
                edited=True, drafted_id=was[one.question_id],
                drafted_question=question if question != one.question else "",
                drafted_answer=answer if answer != one.answer else "")
        yield one


def _items(part: str, cycle: int, writer: str, questions: Iterable[QuestionRecord],
           references: Iterable[ReferenceRecord], **state: Any) -> Iterable[DatasetItem]:
    """Yield the items of one set.

    Args:
        part: of the set; a question of another tier than practice belongs to the test.
        cycle: that trains them.
        writer: as recorded.
        questions, references: the records.
        state: further fields of every item.
    """
    by_id = {reference.question_id: reference for reference in references}
    origin = kind_of_writer(writer)
    for one in questions:
        reference = by_id.get(one.question_id)
        yield DatasetItem(
            one.question_id, cycle, TEST if part == TRAIN and one.tier != PRACTICE else part, one.tier, one.topic,
            one.title, one.text, reference.text if reference else None,
            reference.missing if reference else "not written yet", one.passage,
            (reference.evidence if reference else "") or one.evidence, one.address, one.key_terms,
            reference.foils if reference else (), origin, writer, passage_id=one.passage_id, **state)


@dataclass(frozen=True)
class RejectedDraft:
    """A draft that validation or a person rejected, or a passage for which none was written."""

    cycle: int
    part: str
    tier: str
    topic: str
    question: str
    reason: str
    by_people: bool = False


BY_PEOPLE = "rejected by "
"""How the reason of a question begins that people rejected; others were left out because of that."""
REJECTING: tuple[type[Event], ...] = (QuestionsRejected, ItemsDrafted, ItemsApproved)
"""The events that say which drafts were rejected."""


def rejected_of(recorded: Iterable[Recorded]) -> list[RejectedDraft]:
    """Return the rejected drafts of a run from its events of `REJECTING`, each with its reason."""
    events = list(recorded)
    found = [RejectedDraft(cycle, PARTS[stage], one.tier, one.topic, one.text, one.reason)
             for (cycle, stage, _), latest in latest_of_stages(
                 one for one in events if isinstance(one.event, QuestionsRejected)).items()
             if isinstance(latest.event, QuestionsRejected) for one in latest.event.rejected]
    drafts = {(event.part, event.of_cycle, event.round): event for one in events
              if isinstance(event := one.event, ItemsDrafted)}
    approved = {(event.part, event.of_cycle): event for one in events if isinstance(event := one.event, ItemsApproved)}
    sets = [*((event.of_cycle, event.part, event.rejected, False) for event in drafts.values()),
            *((event.of_cycle, event.part, event.left_out, True) for event in approved.values())]
    return found + [RejectedDraft(cycle, part, one.tier, one.topic, one.text, one.reason,
                                  by_people and one.reason.startswith(BY_PEOPLE))
                    for cycle, part, rejected, by_people in sets for one in rejected]


_NAMES = {TRAIN: "training", TEST: "test", GENERAL: "general"}
"""Set -> how sentences name it."""


def origins_from(items: Iterable[DatasetItem], drafts: Iterable[RejectedDraft]) -> list[Origin]:
    """Return who wrote each set, how much of it people edited, and what was rejected."""
    rejected = Counter(one.part for one in drafts if not one.by_people)
    dropped = Counter(one.part for one in drafts if one.by_people)
    kept: dict[tuple[str, str, str], list[DatasetItem]] = {}
    for one in items:
        of_writer = kept.setdefault((one.part, one.origin, one.writer), [])
        if one.decision == REJECTED:
            dropped[one.part] += 1
        else:
            of_writer.append(one)
    return [Origin(_NAMES[part], origin, writer, len(found), sum(one.answer is not None for one in found),
                   rejected[part], sum(one.edited for one in found), dropped[part])
            for (part, origin, writer), found in kept.items()]
