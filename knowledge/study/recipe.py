"""The recipes of study items: how the presentations of a fact are shared among the forms."""

from __future__ import annotations

from collections.abc import Mapping

from knowledge.study.item_forms import NOISED_QUESTION
from knowledge.study.teacher_facts import FACT, FACT_QUESTION, FACT_REVERSE

DOCUMENT = "document"
"""The form of which every token is learned: the passage's text under its title."""
READING = "reading"
"""The form with passages before the question; a stream of its own."""
GIVEN_FORMS = ("question", NOISED_QUESTION, "short answer", "cloze")
"""Forms of study items of a question that people gave: the others need a title that no other fact has."""
SHARES: dict[str, Mapping[str, float]] = {
    "questions": {"question": 0.35, NOISED_QUESTION: 0.40, "title": 0.10, "cloze": 0.05, "reverse": 0.05,
                  DOCUMENT: 0.05},
    "mixed": {"question": 0.45, "title": 0.10, "short answer": 0.10, "cloze": 0.15, "sentence order": 0.05,
              "reverse": 0.05, DOCUMENT: 0.10},
}
"""Mix of forms -> form -> share of the presentations, for the forms that are made by rule."""
WRITTEN_SHARES: dict[str, float] = {"question": 0.20, FACT_QUESTION: 0.40, FACT: 0.20, FACT_REVERSE: 0.10,
                                    DOCUMENT: 0.10}
"""The same for facts that a teacher wrote; two thirds are questions. Not measured here."""


def shares_of(study: str, documents: float, reading: float = 0.0, forms: str = "questions") -> dict[str, float]:
    """Return form -> share of the presentations.

    Args:
        study: `rules`, `teacher`, or `both`, which takes half of its presentations from each.
        documents: share (0..1) of documents among the closed-book forms; the others share the rest in proportion.
        reading: share (0..1) of items with passages before the question; the closed-book forms share the rest.
        forms: the mix of the forms that are made by rule, a key of `SHARES`.
    """
    mixed: dict[str, float] = {}
    tables = {"rules": (SHARES[forms],), "teacher": (WRITTEN_SHARES,), "both": (SHARES[forms], WRITTEN_SHARES)}[study]
    for table in tables:
        rest = (1 - documents) / (1 - table[DOCUMENT])
        for form, share in table.items():
            mixed[form] = mixed.get(form, 0.0) + (documents if form == DOCUMENT else share * rest) / len(tables)
    return {form: share * (1 - reading) for form, share in mixed.items()} | ({READING: reading} if reading else {})
