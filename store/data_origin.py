"""Who wrote a run's questions and references: people, rules, a teacher, or the project. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

PEOPLE, RULES, TEACHER, PROJECT = "people", "rules", "teacher", "project"
KINDS = {PEOPLE: "people", RULES: "rules, from the passages' own words", TEACHER: "the teacher",
         PROJECT: "the project"}
"""Kind of writer -> how a sentence names it."""
FLAGS = ("wrong reference", "bad question")
"""What people may flag a question with."""
PROJECT_AUTHOR = "the project's everyday questions"
_RULES_BEGIN, _PEOPLE_BEGIN = "knowledge base (", "people ("


def people_writer(file: str) -> str:
    """Return the recorded writer of what came in a file of people's questions."""
    return f"{_PEOPLE_BEGIN}{file})"


def kind_of_writer(recorded: str) -> str:
    """Return the kind of a writer, as events record it under `teacher`."""
    if recorded.startswith(_PEOPLE_BEGIN):
        return PEOPLE
    if recorded.startswith(_RULES_BEGIN):
        return RULES
    return PROJECT if recorded == PROJECT_AUTHOR else TEACHER


@dataclass(frozen=True)
class Origin:
    """How many questions of one set, with references, one writer wrote."""

    part: str
    """`training`, `test` or `general`."""
    kind: str
    writer: str
    questions: int
    references: int
    rejected: int
    """Drafts of the set that validation rejected."""
    edited: int = 0
    """Questions whose text or reference people edited."""
    dropped: int = 0
    """Questions that people rejected; they are not among `questions`."""


def origin_sentences(origins: Iterable[Origin]) -> list[str]:
    """Return one sentence for each set, for people."""
    return [f"{one.part.capitalize()}: {one.questions:,} questions and {one.references:,} references, written by "
            f"{KINDS[one.kind]}{_named(one)}" + "".join(
                f"; {count:,} {what}" for count, what in (
                    (one.edited, "edited by people"), (one.dropped, "rejected by people"),
                    (one.rejected, "drafts rejected")) if count) + "."
            for one in origins]


def _named(one: Origin) -> str:
    if one.kind == PEOPLE:
        return f" ({one.writer.removeprefix(_PEOPLE_BEGIN).removesuffix(')')})"
    return f" ({one.writer})" if one.kind == TEACHER else ""


def flag_sentence(flags: Iterable[tuple[str, str, str]]) -> list[str]:
    """Return one sentence on people's flags, given as question id, flag and person; none where nothing is flagged."""
    found = list(flags)
    if not found:
        return []
    named = [f"{len({id for id, flag, _ in found if flag == name}):,} with {name}" for name in FLAGS]
    people = {by for _, _, by in found}
    return [f"Flagged by {len(people)} {'person' if len(people) == 1 else 'people'}: "
            f"{len({id for id, _, _ in found}):,} questions ({', '.join(named)}); they stay in every result."]


def trained_by_people(origins: Sequence[Origin]) -> str:
    """Return how much of what the student was trained on people wrote: `all`, `some`, or empty."""
    kinds = {one.kind for one in origins if one.part == "training" and one.questions}
    return "" if PEOPLE not in kinds else "all" if kinds == {PEOPLE} else "some"
