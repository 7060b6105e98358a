"""Read the project's own notes, one Markdown file per topic, into passages.

Format of a note, checked when it is read:

    # Topic name

    ## Heading of the passage
    One to four sentences of fact.

    - source: https://kubernetes.io/docs/...
    - key terms: first fact; second fact
    - question: A question that the passage answers?
    - question: The same fact, asked in other words?
"""

from __future__ import annotations

from pathlib import Path

from knowledge.passages import Passage, passage_id

NOTES_FOLDER = Path(__file__).parent / "v1.28"


class MalformedNote(ValueError):
    """A note with a format error; the message names the file, the heading and the error."""
    error_kind = "knowledge"


def read_notes(folder: Path = NOTES_FOLDER) -> list[Passage]:
    """All passages of a folder of notes, by file name and then in the order of the file.

    Raises:
        MalformedNote: a passage without text, source, key terms or two questions, or with a key
            term that its text does not contain.
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
    address = next((value.strip() for name, _, value in fields if name == "source"), "")
    for error in _format_errors(text, address, key_terms, questions):
        raise MalformedNote(f"{path.name}, '{title}': {error}")
    return Passage(id=passage_id(path.stem, text), topic=path.stem, source="notes", title=title.strip(), text=text,
                   address=address, key_terms=key_terms, questions=questions)


def _format_errors(text: str, address: str, key_terms: tuple[str, ...], questions: tuple[str, ...]) -> list[str]:
    errors = []
    if not text:
        errors.append("no text")
    if not address.startswith("https://"):
        errors.append(f"source {address!r} is not an https address")
    if not key_terms:
        errors.append("no key terms")
    if len(questions) < 2:
        errors.append("fewer than two questions")
    errors += [f"question {q!r} does not end in a question mark" for q in questions if not q.endswith("?")]
    errors += [f"key term {t!r} does not occur in the text" for t in key_terms if t.casefold() not in text.casefold()]
    return errors
