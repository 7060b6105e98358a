"""Study items of facts that a teacher wrote: the fact in several wordings, and questions forward and backward."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from knowledge.passages import Passage
from knowledge.study.items import StudyItem

FACT, FACT_QUESTION, FACT_REVERSE = "fact", "fact question", "fact reverse"
WRITTEN_FORMS = (FACT, FACT_QUESTION, FACT_REVERSE)
"""Names of the forms; they are recorded with each item."""

_STATE = ("Tell me one fact about {title}.", "{title}: name one rule.", "State a fact on {title}.",
          "Say one thing that holds for {title}.", "What is one detail of {title}?", "One fact on {title}, please.")
"""Prompts of a fact's wordings, in turn: the fact itself, then its paraphrases."""


@dataclass(frozen=True)
class QuestionAnswer:
    """A question about a fact, and its answer."""

    question: str
    answer: str


@dataclass(frozen=True)
class WrittenFact:
    """One fact of a passage as a teacher wrote it, after its checks."""

    statement: str
    """One sentence that names its subject."""
    paraphrases: tuple[str, ...]
    """The same in other words, with the same key terms."""
    questions: tuple[QuestionAnswer, ...]
    """Forward: from the subject to the key terms."""
    reverse: tuple[QuestionAnswer, ...]
    """Backward: from the key terms to the subject."""
    key_terms: tuple[str, ...]
    """The passage's key terms that it states."""


def written_items(passage: Passage, facts: Iterable[WrittenFact]) -> tuple[StudyItem, ...]:
    """The study items of a passage's written facts, without repetitions."""
    found: dict[tuple[str, str], StudyItem] = {}
    for fact in facts:
        for number, text in enumerate((fact.statement, *fact.paraphrases)):
            name = f"paraphrase {number}" if number else "statement"
            _add(found, passage, FACT, name, _STATE[number % len(_STATE)].format(title=passage.title), text, fact)
        for form, pairs in ((FACT_QUESTION, fact.questions), (FACT_REVERSE, fact.reverse)):
            for number, pair in enumerate(pairs, 1):
                _add(found, passage, form, f"{form} {number}", pair.question, pair.answer, fact)
    return tuple(found.values())


def _add(found: dict[tuple[str, str], StudyItem], passage: Passage, form: str, wording: str, prompt: str, answer: str,
         fact: WrittenFact) -> None:
    term = next((term for term in fact.key_terms if term.casefold() in answer.casefold()), "")
    found.setdefault((prompt, answer), StudyItem(passage.id, form, wording, prompt, answer, term))
