"""Query every question of a run with its reference, evidence and writer, and the drafts that were rejected."""

from __future__ import annotations

from store.database import Store
from store.dataset_items import (
    GENERAL, KINDS, PARTS, PRACTICE, REJECTING, TEST, TRAIN, DatasetItem, DatasetReview, RejectedDraft, rejected_of,
    review_of,
)
from store.queries.event_log import events_of_kinds

__all__ = ["GENERAL", "PARTS", "PRACTICE", "TEST", "TRAIN", "DatasetItem", "DatasetReview", "RejectedDraft",
           "dataset_items", "dataset_review", "rejected_drafts"]


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
