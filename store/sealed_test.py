"""Hash a run's test, so that anyone who has its rows can check that it is the one that was sealed. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from store.events import QuestionRecord, ReferenceRecord
from store.files import sha256_of

HASHED = ("question_id", "tier", "topic", "passage_id", "question", "reference", "distractors", "rules")
"""Fields of a test row that the hash covers."""


def row_of_question(question: QuestionRecord, reference: ReferenceRecord | None) -> dict[str, Any]:
    """Return a question with its reference and distractors as one row of JSON values."""
    return {"question_id": question.question_id, "tier": question.tier, "topic": question.topic,
            "passage_id": question.passage_id, "question": question.text,
            "reference": reference.text if reference else None,
            "distractors": list(reference.foils) if reference else [],
            "rules": list(reference.foil_rules) if reference else []}


def rows_of_test(questions: Sequence[QuestionRecord], references: Iterable[ReferenceRecord]) -> list[dict[str, Any]]:
    """Return the rows of these questions, in order."""
    by_id = {reference.question_id: reference for reference in references}
    return [row_of_question(question, by_id.get(question.question_id)) for question in questions]


def sha256_of_test(rows: Sequence[Mapping[str, Any]]) -> str:
    """Return the SHA-256 over test rows in their order; other fields of a row do not count."""
    text = json.dumps([[row.get(name) for name in HASHED] for row in rows], ensure_ascii=False, separators=(",", ":"))
    return sha256_of(text.encode("utf-8", "surrogatepass"))
