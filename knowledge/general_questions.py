"""General-knowledge questions and completions that measure forgetting: what the student knew before training.

They belong to no domain, have no passage and are never trained on. Their order is fixed, so the first n are the same in
every run. Format of `general_questions.md`, checked when it is read:

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
    """A general question with a format error; the message names the question and the error."""


@dataclass(frozen=True)
class GeneralQuestion:
    """One general question with its right answer and three wrong ones."""

    id: str
    """Content hash (16 hex digits) of question and answer."""
    kind: str
    """Slug of its section: `everyday-questions` or `everyday-completions`."""
    text: str
    reference: str
    key_terms: tuple[str, ...]
    false: tuple[str, ...]


def general_questions(count: int) -> tuple[GeneralQuestion, ...]:
    """The first `count` questions, both kinds interleaved; all of them if there are fewer."""
    return read_general()[:count]


@functools.cache
def read_general(path: Path = FILE) -> tuple[GeneralQuestion, ...]:
    """All general questions, in their fixed order.

    Raises:
        MalformedGeneralQuestions: one lacks an answer, key terms from it, or three different false answers.
    """
    kinds = [_of_kind(section) for section in path.read_text(encoding="utf-8").split("\n# ")]
    # Sorted by relative position within the kind, so that any prefix has both kinds in the same proportion.
    ranked = [(index / len(kind), number, item)
              for number, kind in enumerate(kinds) for index, item in enumerate(kind)]
    return tuple(item for _, _, item in sorted(ranked, key=lambda entry: entry[:2]))


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
    for error in _format_errors(reference, terms, false):
        raise MalformedGeneralQuestions(f"{FILE.name}, {text!r}: {error}")
    return GeneralQuestion(passage_id(kind, f"{text} {reference}"), kind, text.strip(), reference, terms, false)


def _format_errors(reference: str, terms: tuple[str, ...], false: tuple[str, ...]) -> list[str]:
    errors = [] if reference else ["no answer"]
    errors += [] if terms else ["no key terms"]
    folded = reference.casefold()
    errors += [f"key term {term!r} is not in the answer" for term in terms if term.casefold() not in folded]
    if len({reference, *false}) != FALSE_ANSWERS + 1:
        errors.append(f"needs {FALSE_ANSWERS} false answers, all different")
    return errors
