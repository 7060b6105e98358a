"""The project's own notes: Markdown, one file a topic, read into passages.

The form of a note, checked here so that a slip is found where it was made:

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
    """A note that breaks the form; the message names file and heading and says what is wrong."""
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
    for wrong in _faults(text, address, key_terms, questions):
        raise MalformedNote(f"{path.name}, '{title}': {wrong}")
    return Passage(id=passage_id(path.stem, text), topic=path.stem, source="notes", title=title.strip(), text=text,
                   address=address, key_terms=key_terms, questions=questions)


def _faults(text: str, address: str, key_terms: tuple[str, ...], questions: tuple[str, ...]) -> list[str]:
    faults = []
    if not text:
        faults.append("no text")
    if not address.startswith("https://"):
        faults.append(f"source {address!r} is not an https address")
    if not key_terms:
        faults.append("no key terms")
    if len(questions) < 2:
        faults.append("fewer than two questions")
    faults += [f"question {q!r} does not end in a question mark" for q in questions if not q.endswith("?")]
    faults += [f"key term {t!r} does not occur in the text" for t in key_terms if t.casefold() not in text.casefold()]
    return faults
