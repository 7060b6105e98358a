"""Rows, filters and counts of the page Dataset. Pure functions."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Sequence
from typing import Any

from dashboard.style import labels
from store.data_origin import Origin, flag_sentence, origin_sentences
from store.queries.dataset_flags import ItemFlag
from store.queries.dataset_items import GENERAL, TEST, TRAIN, DatasetItem, RejectedDraft

ALL, FLAGGED, REJECTED = "all", "flagged", "rejected"
_NAMES = {ALL: "All", TRAIN: "Training", TEST: "Test", GENERAL: "General", FLAGGED: "Flagged",
          REJECTED: "Rejected drafts"}
_LONGEST = 300


def summary(origins: Sequence[Origin], flags: Sequence[ItemFlag]) -> list[str]:
    """Who wrote what, and how much of it people flagged, one sentence each."""
    return [*origin_sentences(origins), *flag_sentence((one.question_id, one.flag, one.by) for one in flags)]


def counts(items: Sequence[DatasetItem], drafts: Sequence[RejectedDraft],
           flags: Sequence[ItemFlag]) -> dict[str, str]:
    """Choice of the filter -> its label with the number of rows; a set without rows is left out."""
    found = Counter(item.part for item in items)
    flagged = {flag.question_id for flag in flags}
    numbers = {ALL: len(items), TRAIN: found[TRAIN], TEST: found[TEST], GENERAL: found[GENERAL],
               FLAGGED: sum(item.question_id in flagged for item in items), REJECTED: len(drafts)}
    return {name: f"{_NAMES[name]} ({number:,})" for name, number in numbers.items() if number or name == ALL}


def filtered(items: Sequence[DatasetItem], flags: Sequence[ItemFlag], part: str, words: str) -> list[DatasetItem]:
    """The items of a set, or the flagged ones, that contain the words."""
    flagged, wanted = {flag.question_id for flag in flags}, words.casefold().strip()
    return [item for item in items
            if part == ALL or item.part == part or (part == FLAGGED and item.question_id in flagged)
            if not wanted or wanted in f"{item.question}\n{item.answer or ''}\n{item.topic}".casefold()]


def item_rows(items: Sequence[DatasetItem], flags: Sequence[ItemFlag]) -> list[dict[str, Any]]:
    """The table's rows."""
    named = _flags_by_question(flags)
    return [{"flags": named.get(item.question_id, ""), "question": item.question[:_LONGEST],
             "reference": (item.answer or f"({item.missing})")[:_LONGEST], "set": _NAMES[item.part],
             "topic": labels.topic(item.topic), "written by": item.origin, "key terms": ", ".join(item.key_terms)}
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
    return [{**dataclasses.asdict(item), "key_terms": "; ".join(item.key_terms),
             "distractors": "; ".join(item.distractors), "flags": named.get(item.question_id, "")} for item in items]


def _flags_by_question(flags: Sequence[ItemFlag]) -> dict[str, str]:
    found: dict[str, list[str]] = {}
    for flag in flags:
        found.setdefault(flag.question_id, []).append(flag.flag)
    return {id: ", ".join(dict.fromkeys(names)) for id, names in found.items()}
