"""Questions with answers that people wrote, as a domain carries them beside its passages."""

from __future__ import annotations

from dataclasses import dataclass

PEOPLE = "people"
"""Source of a passage that people gave with a question."""
ANSWER_ALONE = "answer"
"""Source of a passage that is a person's answer itself, because none was given: nothing can be retrieved or read."""
GIVEN = (PEOPLE, ANSWER_ALONE)


@dataclass(frozen=True)
class GivenQuestion:
    """A question with its answer, as people wrote it."""

    question: str
    answer: str
    topic: str
    """Slug of its topic."""
    tier: str
    """`practice`, or the tier of the test that it belongs to."""
    passage_id: str
    """The passage that it rests on; the domain has it."""
    row: int
    """Its line in the file, for messages."""


@dataclass(frozen=True)
class QuestionFile:
    """A file of questions that people brought, as it was read."""

    role: str
    """`practice` or `test`."""
    name: str
    """The file's name, without its folder."""
    sha256: str
    questions: int
    """Rows that are used in this role."""
    with_passage: int
    """Those of them that come with a passage."""
    remark: str
    """What was found and is no fault: the encoding, columns that are left out; empty where there is nothing."""
