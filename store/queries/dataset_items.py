"""Query every question of a run with its reference, evidence and writer, and the drafts that were rejected."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from knowledge.garbage_collection import collection_paused
from store.database import Store
from store.dataset_items import (
    APPROVED, GENERAL, KINDS, PARTS, PRACTICE, REJECTED, REJECTING, TEST, TRAIN, DatasetItem, DatasetReview,
    RejectedDraft, rejected_of, review_of,
)
from store.events import ItemChange, ItemCommented, ItemFlagged, ItemsReviewed
from store.queries.event_log import events_of_kinds

__all__ = ["GENERAL", "PARTS", "PRACTICE", "TEST", "TRAIN", "DatasetContent", "DatasetItem", "DatasetReview",
           "ItemEntry", "RejectedDraft", "dataset_content", "dataset_items", "dataset_review", "item_entries",
           "rejected_drafts"]


ADDED = "added"


@dataclass(frozen=True)
class DatasetContent:
    """Everything that a run's questions are and were: the review's state, and the rejected drafts."""

    review: DatasetReview
    drafts: list[RejectedDraft]


@dataclass(frozen=True)
class ItemEntry:
    """What a person did with a question, or said about it."""

    question_id: str
    """As it was before the first edit, or as it is."""
    at: datetime
    by: str
    what: str
    """`approved`, `edited`, `rejected`, `added`, `commented`, or a flag."""
    text: str
    """The reason or the comment."""
    question_before: str = ""
    question: str = ""
    answer_before: str = ""
    answer: str = ""
    bulk: bool = False
    source: str = ""
    """The imported file; empty where nothing was imported."""
    opinion: str = ""
    """Whether the question may stay as it is: `keep`, `change`, or empty where that was not said."""


def dataset_content(store: Store, run: str, version: int | None = None) -> DatasetContent:
    """Return a run's questions, the state of their review and the rejected drafts, in one read.

    Args:
        store: the store.
        run: the run's id.
        version: of the training set and the test; None is the newest, 1 is what the run used.
    """
    with collection_paused():
        recorded = events_of_kinds(store, run, tuple(dict.fromkeys((*KINDS, *REJECTING))))
        return DatasetContent(review_of(recorded, version), rejected_of(recorded))


def item_entries(store: Store, run: str) -> list[ItemEntry]:
    """Return what people did with the questions of a run and said about them, oldest first."""
    found: list[ItemEntry] = []
    for recorded in events_of_kinds(store, run, (ItemsReviewed, ItemCommented, ItemFlagged)):
        event, at = recorded.event, recorded.at
        if isinstance(event, ItemsReviewed):
            found += [_entry(event, change, at) for change in event.changes]
            found += [ItemEntry(one.question.question_id, at, event.by, ADDED, event.reason, question=one.question.text,
                                answer=one.answer, bulk=event.bulk, source=event.source) for one in event.added]
        elif isinstance(event, ItemCommented):
            found.append(ItemEntry(event.question_id, at, event.by, "commented", event.comment, opinion=event.opinion))
        elif isinstance(event, ItemFlagged):
            what = f"{event.flag} withdrawn" if event.withdrawn else event.flag
            found.append(ItemEntry(event.question_id, at, event.by, what, event.reason,
                                   opinion="" if event.withdrawn else "change"))
    return found


def _entry(event: ItemsReviewed, change: ItemChange, at: datetime) -> ItemEntry:
    edited = change.question is not None or change.answer is not None
    what = change.decision if change.decision == REJECTED or not edited else "edited"
    return ItemEntry(change.question_id, at, event.by, what, event.reason, change.question_before or "",
                     change.question or "", change.answer_before or "", change.answer or "", event.bulk, event.source,
                     "" if event.bulk else "keep" if what == APPROVED else "change")


def dataset_review(store: Store, run: str, version: int | None = None) -> DatasetReview:
    """Return a run's questions and how far their review is.

    Args:
        store: the store.
        run: the run's id.
        version: of the training set and the test; None is the newest, 1 is what the run used.
    """
    return review_of(events_of_kinds(store, run, KINDS), version)


def dataset_items(store: Store, run: str, version: int | None = None) -> list[DatasetItem]:
    """Return a run's questions: training by cycle, then the test, then the general ones."""
    return list(dataset_review(store, run, version).items)


def rejected_drafts(store: Store, run: str) -> list[RejectedDraft]:
    """Return the drafts of a run that validation or people rejected, each with its reason."""
    return rejected_of(events_of_kinds(store, run, REJECTING))
