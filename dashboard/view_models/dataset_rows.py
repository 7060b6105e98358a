"""Rows, filters and counts of the page Dataset. Pure functions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dashboard.style import labels
from store.analysis.review_agreement import review_agreement
from store.data_origin import flag_sentence, origin_sentences
from store.dataset_items import APPROVED, REJECTED, UNDECIDED, DatasetReview, origins_from
from store.queries.dataset_flags import ItemFlag
from store.queries.dataset_items import (
    GENERAL, TEST, TRAIN, DatasetContent, DatasetItem, ItemEntry, RejectedDraft,
)
from store.queries.data_origin import QuestionOrigins
from store.queries.dataset_pages import UnchangedSets

ALL, FLAGGED, DRAFTS, EDITED = "all", "flagged", "rejected", "edited"
OUT = "out"
_NAMES = {ALL: "All", TRAIN: "Training", TEST: "Test", GENERAL: "General", UNDECIDED: "Undecided",
          EDITED: "Edited", OUT: "Rejected by people", FLAGGED: "Flagged", DRAFTS: "Rejected drafts"}
_STATES = {UNDECIDED: "○ undecided", APPROVED: "✓ approved", REJECTED: "✗ rejected"}
_LONGEST = 300


@dataclass(frozen=True)
class Overview:
    """What the page says of all questions of a run, whatever is filtered."""

    sentences: list[str]
    counts: dict[str, str]
    """Choice of the filter -> its label with the number of rows."""


@dataclass(frozen=True)
class ShownItems:
    """The questions that the filters show: how many they are, some of them by position, and all of them."""

    count: int
    between: Callable[[int, int], Sequence[DatasetItem]]
    """Position of the first and number of questions -> the questions."""
    whole: Callable[[], Sequence[DatasetItem]]


def shown_of(items: Sequence[DatasetItem]) -> ShownItems:
    """Return questions that have been read as those that are shown."""
    return ShownItems(len(items), lambda first, size: items[first:first + size], lambda: items)


def overview(content: DatasetContent, flags: Sequence[ItemFlag]) -> Overview:
    """Return the sentences on a run's questions, and the labels of the filter."""
    return Overview(summary(content.review, content.drafts, flags),
                    counts(content.review.items, content.drafts, flags))


def overview_of_unchanged(sets: UnchangedSets, flags: Sequence[ItemFlag], flagged: int) -> Overview:
    """Return the same of sets on which nobody decided, without reading their questions.

    Args:
        sets: of the run.
        flags: of the run.
        flagged: how many of its questions have one.
    """
    sentences = [*origin_sentences(sets.origins),
                 *flag_sentence((one.question_id, one.flag, one.by) for one in flags)]
    return Overview(sentences, _labelled({
        ALL: sets.count(), **{part: sets.count(part) for part in (TRAIN, TEST, GENERAL)}, FLAGGED: flagged,
        DRAFTS: len(sets.drafts)}))


def summary(review: DatasetReview, drafts: Sequence[RejectedDraft], flags: Sequence[ItemFlag]) -> list[str]:
    """Who wrote what, how much people changed, and how much of it they flagged, one sentence each."""
    return [*origin_sentences(origins_from(review.items, drafts)),
            *flag_sentence((one.question_id, one.flag, one.by) for one in flags), *_version_sentences(review.versions)]


def written(found: QuestionOrigins, entries: Sequence[ItemEntry]) -> list[str]:
    """Who wrote the questions of a result, what people changed of them, and whether they agreed, one sentence each."""
    agreed = review_agreement(entries)
    return [labels.without_markup(sentence) for sentence in (  # a file's name may look like markup
        *origin_sentences(found.origins), *_version_sentences(found.versions),
        *([agreed.sentence] if agreed else []))]


def _version_sentences(versions: Mapping[str, int]) -> list[str]:
    names = {TRAIN: "training set", TEST: "test"}
    return [f"The {names[part]} below is version {number}, corrected after the run used version 1: no result changes, "
            "and a run on it is another run." for part, number in versions.items() if number > 1]


def review_sentence(review: DatasetReview, waits: bool) -> str:
    """How far the review is."""
    counted = {decision: len(review.of(decision)) for decision in (UNDECIDED, APPROVED, REJECTED)}
    again = f" Drafting {review.round}." if review.round > 1 else ""
    state = "The run waits for this review; no student has answered." if waits else \
        "The questions can be changed when the run waits for the review."
    return (f"{state} {counted[UNDECIDED]:,} undecided, {counted[APPROVED]:,} approved, "
            f"{counted[REJECTED]:,} rejected.{again}")


def counts(items: Sequence[DatasetItem], drafts: Sequence[RejectedDraft],
           flags: Sequence[ItemFlag]) -> dict[str, str]:
    """Choice of the filter -> its label with the number of rows; a set without rows is left out."""
    found = Counter(item.part for item in items)
    decided = Counter(item.decision for item in items)
    flagged = {flag.question_id for flag in flags}
    numbers = {ALL: len(items), TRAIN: found[TRAIN], TEST: found[TEST], GENERAL: found[GENERAL],
               UNDECIDED: decided[UNDECIDED], EDITED: sum(item.edited for item in items), OUT: decided[REJECTED],
               FLAGGED: sum(item.question_id in flagged for item in items), DRAFTS: len(drafts)}
    return _labelled(numbers)


def _labelled(numbers: Mapping[str, int]) -> dict[str, str]:
    return {name: f"{_NAMES[name]} ({number:,})" for name, number in numbers.items() if number or name == ALL}


def filtered(items: Sequence[DatasetItem], flags: Sequence[ItemFlag], part: str, words: str) -> list[DatasetItem]:
    """The items of a set, the flagged, edited, undecided or rejected ones, that contain the words."""
    flagged, wanted = {flag.question_id for flag in flags}, words.casefold().strip()
    of_set = list(items) if part == ALL else [
              item for item in items if part in (item.part, item.decision)
              or (part == FLAGGED and item.question_id in flagged) or (part == EDITED and item.edited)
              or (part == OUT and item.decision == REJECTED)]
    return [item for item in of_set
            if wanted in f"{item.question}\n{item.answer or ''}\n{item.topic}".casefold()] if wanted else of_set


def item_rows(items: Sequence[DatasetItem], flags: Sequence[ItemFlag],
              with_state: bool = False) -> list[dict[str, Any]]:
    """The table's rows.

    Args:
        items: to show.
        flags: of the run.
        with_state: whether people decide, or have decided, on them.
    """
    named = _flags_by_question(flags)
    return [{**({"state": _STATES[item.decision] + (", edited" if item.edited else "")} if with_state else {}),
             "flags": named.get(item.question_id, ""), "question": item.question[:_LONGEST],
             "reference": (item.answer or f"({item.missing})")[:_LONGEST], "set": _NAMES[item.part],
             "topic": labels.topic(item.topic), "written by": item.origin, "key terms": ", ".join(item.key_terms),
             "evidence": item.evidence[:_LONGEST]}
            for item in items]


def draft_rows(drafts: Sequence[RejectedDraft], words: str) -> list[dict[str, Any]]:
    """The table's rows of rejected drafts that contain the words."""
    wanted = words.casefold().strip()
    return [{"draft": draft.question[:_LONGEST] or "(none)", "reason": draft.reason, "set": _NAMES[draft.part],
             "topic": labels.topic(draft.topic)} for draft in drafts
            if not wanted or wanted in f"{draft.question}\n{draft.reason}".casefold()]


def exported(items: Sequence[DatasetItem], flags: Sequence[ItemFlag]) -> list[dict[str, Any]]:
    """The rows as they are downloaded: every field, and the flags."""
    named = _flags_by_question(flags)
    return [{**item._asdict(), "key_terms": "; ".join(item.key_terms),
             "distractors": "; ".join(item.distractors), "flags": named.get(item.question_id, "")} for item in items]


def history(entries: Sequence[ItemEntry], item: DatasetItem) -> list[ItemEntry]:
    """What people did with a question and said about it, oldest first."""
    ids = {item.question_id, item.drafted_id} - {""}
    return [entry for entry in entries if entry.question_id in ids]


def _flags_by_question(flags: Sequence[ItemFlag]) -> dict[str, str]:
    found: dict[str, list[str]] = {}
    for flag in flags:
        found.setdefault(flag.question_id, []).append(flag.flag)
    return {id: ", ".join(dict.fromkeys(names)) for id, names in found.items()}
