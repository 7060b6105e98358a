"""Read the project's own notes, one Markdown file per topic, into passages.

Format of a note, checked when it is read:

    # Topic name

    ## Heading of the passage
    One to four sentences of fact.

    - source: https://kubernetes.io/docs/...
    - key terms: first fact; second fact
    - question: A question that the passage answers?
    - question: The same fact, asked in other words?
    - test: The same fact, asked in words reserved for the test?
"""

from __future__ import annotations

from pathlib import Path

from knowledge.near_duplicate_questions import find_near_duplicate
from knowledge.passages import Passage, passage_id

NOTES_FOLDER = Path(__file__).parent / "v1.28"


class MalformedNote(ValueError):
    """A note with a format error; the message names the file, the heading and the error."""
    error_kind = "knowledge"


def read_notes(folder: Path = NOTES_FOLDER) -> list[Passage]:
    """All passages of a folder of notes, by file name and then in the order of the file.

    Raises:
        MalformedNote: a passage without text, source, key terms, two questions or a test question; a key term that
            is not in the text, or is in a test question; a test question that nearly repeats a question.
    """
    return [passage for path in sorted(folder.glob("*.md")) for passage in read_note_file(path)]


def read_note_file(path: Path) -> list[Passage]:
    """The passages of one topic's file; the file's stem is the topic's slug."""
    sections = path.read_text(encoding="utf-8").split("\n## ")[1:]
    return [_passage(path, section) for section in sections]


def _passage(path: Path, section: str) -> Passage:
    title, _, body = section.partition("\n")
    lines = [line.strip() for line in body.splitlines()]
    text = " ".join(line for line in lines if line and not line.startswith("- "))
    fields = [line[2:].partition(": ") for line in lines if line.startswith("- ")]
    key_terms = tuple(term.strip() for name, _, value in fields if name == "key terms" for term in value.split(";"))
    questions = tuple(value.strip() for name, _, value in fields if name == "question")
    tests = tuple(value.strip() for name, _, value in fields if name == "test")
    address = next((value.strip() for name, _, value in fields if name == "source"), "")
    passage = Passage(id=passage_id(path.stem, text), topic=path.stem, source="notes", title=title.strip(), text=text,
                      address=address, key_terms=key_terms, questions=questions, test_questions=tests)
    for error in (*_format_errors(passage), *_test_question_errors(passage)):
        raise MalformedNote(f"{path.name}, '{title}': {error}")
    return passage


def _format_errors(passage: Passage) -> list[str]:
    errors = []
    if not passage.text:
        errors.append("no text")
    if not passage.address.startswith("https://"):
        errors.append(f"source {passage.address!r} is not an https address")
    if not passage.key_terms:
        errors.append("no key terms")
    if len(passage.questions) < 2:
        errors.append("fewer than two questions")
    errors += [f"question {text!r} does not end in a question mark"
               for text in passage.wordings if not text.endswith("?")]
    errors += [f"key term {term!r} does not occur in the text"
               for term in passage.key_terms if term.casefold() not in passage.text.casefold()]
    return errors


def _test_question_errors(passage: Passage) -> list[str]:
    """A test question must not give its answer away, nor repeat a wording that is trained."""
    errors = [] if passage.test_questions else ["no test question; add a line '- test: ...?'"]
    for text in passage.test_questions:
        errors += [f"test question {text!r} contains the key term {term!r}"
                   for term in passage.key_terms if term.casefold() in text.casefold()]
        if repeated := find_near_duplicate(text, passage.questions):
            errors.append(f"test question {text!r} nearly repeats the question {repeated!r}")
    return errors
