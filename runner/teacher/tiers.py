"""Which passages a tier is bound to, beyond its side of the split. Pure."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from knowledge.questions import PARAPHRASE, PRACTICE, Question


def practised_passages(tier: str, asked: Sequence[Question]) -> Collection[str] | None:
    """The passages that a tier is bound to: paraphrases ask again about practised ones; None is no bond.

    Paraphrases that are asked for before any practice question may take every practice passage.
    """
    practised = {question.passage_id for question in asked if question.tier == PRACTICE}
    return practised if tier == PARAPHRASE and practised else None
