"""The project's everyday questions and completions: what a student knew before, asked again to see what it forgot.

They are about no domain, rest on no passage and are never trained on. Their order is fixed, so that the first so
many are the same in every run. The form of `general_questions.md`, checked here so that a slip is found where it was
made:

    # Kind
    ## Question, or the beginning of a sentence?
    The right answer, as a sentence.

    - key terms: what a right answer must contain
    - false: an answer of the same form that is wrong      (three of these)
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path

from knowledge.passages import passage_id

FILE = Path(__file__).parent / "general_questions.md"
FALSE_ANSWERS = 3


class MalformedGeneralQuestions(ValueError):
    """An everyday question that breaks the form; the message names it and says what is wrong."""


@dataclass(frozen=True)
class GeneralQuestion:
    """One everyday question with its right answer and three wrong ones."""

    id: str
    """Content hash (16 hex digits) of question and answer."""
    kind: str
    """Slug of the kind it stands under: `everyday-questions` or `everyday-completions`."""
    text: str
    reference: str
    key_terms: tuple[str, ...]
    false: tuple[str, ...]


def general_questions(count: int) -> tuple[GeneralQuestion, ...]:
    """The first so many, kinds by turns; all of them where there are fewer."""
    return read_general()[:count]


@functools.cache
def read_general(path: Path = FILE) -> tuple[GeneralQuestion, ...]:
    """All everyday questions, in their fixed order.

    Raises:
        MalformedGeneralQuestions: one without an answer, key terms of that answer, or three different false answers.
    """
    kinds = [_of_kind(section) for section in path.read_text(encoding="utf-8").split("\n# ")]
    # Each question by how far down its own kind it stands: so a short draw is a small copy of the whole.
    placed = [(at / len(kind), number, item) for number, kind in enumerate(kinds) for at, item in enumerate(kind)]
    return tuple(item for _, _, item in sorted(placed, key=lambda place: place[:2]))


def _of_kind(section: str) -> list[GeneralQuestion]:
    heading, *blocks = section.removeprefix("# ").split("\n## ")
    kind = heading.strip().casefold().replace(" ", "-")
    return [_question(kind, block) for block in blocks]


def _question(kind: str, block: str) -> GeneralQuestion:
    text, _, body = block.partition("\n")
    lines = [line.strip() for line in body.splitlines() if line.strip()]
    reference = " ".join(line for line in lines if not line.startswith("- "))
    fields = [line[2:].partition(": ") for line in lines if line.startswith("- ")]
    terms = tuple(term.strip() for name, _, value in fields if name == "key terms" for term in value.split(";"))
    false = tuple(value.strip() for name, _, value in fields if name == "false")
    for wrong in _faults(reference, terms, false):
        raise MalformedGeneralQuestions(f"{FILE.name}, {text!r}: {wrong}")
    return GeneralQuestion(passage_id(kind, f"{text} {reference}"), kind, text.strip(), reference, terms, false)


def _faults(reference: str, terms: tuple[str, ...], false: tuple[str, ...]) -> list[str]:
    faults = [] if reference else ["no answer"]
    faults += [] if terms else ["no key terms"]
    said = reference.casefold()
    faults += [f"key term {term!r} is not in the answer" for term in terms if term.casefold() not in said]
    if len({reference, *false}) != FALSE_ANSWERS + 1:
        faults.append(f"needs {FALSE_ANSWERS} false answers, all different")
    return faults
