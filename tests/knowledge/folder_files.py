"""Small documents for the tests of folders, and a PDF made in memory."""

from __future__ import annotations

import io
import random
from pathlib import Path

from pypdf import PdfWriter
from pypdf.generic import DecodedStreamObject, DictionaryObject, NameObject, NumberObject

from knowledge.documents import IngestResult, read_folder
from tests.knowledge.made_up import WORDS

FACT = ("A queue is a list of jobs that waits on the disk of one scheduler. By default a queue holds at most 40 jobs, "
        "and `max-jobs` changes that number.")
PDF_FACT = ("A queue is a list of jobs that waits on the disk of one sched-\nuler.\n"
            "Use the drain command to move all jobs of a queue to another one.")

TOPICS = {
    "queues": ["queue", "drain", "shard", "lane", "buffer", "backlog", "ticket", "slot"],
    "workers": ["worker", "crew", "runner", "fiber", "agent", "pool", "lease", "beat"],
    "01-getting_started": ["install", "account", "token", "profile", "region", "quota", "badge", "license key"],
}


def markdown_tree(folder: Path) -> Path:
    """Three sub-folders of pages with different facts, and a README."""
    for topic, words in TOPICS.items():
        for place, word in enumerate(words):
            write(folder / topic / f"page{place}.md", _page(word, place))
    write(folder / "README.md", "# Job manual\n\nThis manual has three parts.\n")
    return folder


def fact(word: str, seed: str = "") -> str:
    """A definition that shares hardly a word with those of other things."""
    near, far = (" ".join(random.Random(f"{word} {seed} {side}").sample(WORDS, 5)) for side in (1, 2))
    return f"A {word} is a record of {near} that its {word}-keeper writes to {far}."


def _page(word: str, place: int) -> str:
    chance = random.Random(word)
    one, two, three, four, five = (" ".join(chance.sample(WORDS, 6)) for _ in range(5))
    return (f"# {word.capitalize()} guide\n\n{fact(word)}\n\n"
            f"## Limits\n\nThe `{word}.max` setting must be smaller than the sum of {one} and {two}.\n\n"
            f"## Repair\n\nUse `fix-{word}` to restore a broken {word} from the {three} of last night. "
            f"It takes {place + 2} minutes.\n\n"
            f"## Naming\n\nYou can rename a {word} by calling `{word}-rename` with {four}, {five}.\n")


def write(path: Path, content: str | bytes) -> None:
    """A file, with the folders above it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)


def reading(folder: Path, name: str, text: str) -> IngestResult:
    """What is read of a folder with one file."""
    write(folder / name, text)
    return read_folder(folder)


def text_of(result: IngestResult) -> str:
    """The texts of all passages."""
    return " ".join(passage.text for passage in result.passages)


def pdf_of(text: str, password: str = "", image: bool = False, pages: int = 1) -> bytes:
    """A PDF whose first page has one text line a line.

    Args:
        text: the text; empty for none.
        password: encrypts the file.
        image: whether the pages without text show an image, as a scanner writes them.
        pages: how many.
    """
    writer = PdfWriter()
    font = DictionaryObject({NameObject("/Type"): NameObject("/Font"), NameObject("/Subtype"): NameObject("/Type1"),
                             NameObject("/BaseFont"): NameObject("/Helvetica")})
    picture = DecodedStreamObject()
    picture.set_data(b"\0")
    picture.update({NameObject("/Type"): NameObject("/XObject"), NameObject("/Subtype"): NameObject("/Image"),
                    NameObject("/Width"): NumberObject(1), NameObject("/Height"): NumberObject(1),
                    NameObject("/ColorSpace"): NameObject("/DeviceGray"),
                    NameObject("/BitsPerComponent"): NumberObject(8)})
    for number in range(pages):
        said = text if not number else ""
        page, stream = writer.add_blank_page(612, 792), DecodedStreamObject()
        resources = DictionaryObject({NameObject("/Font"): DictionaryObject({NameObject("/F1"): font})})
        if image and not said:
            resources[NameObject("/XObject")] = DictionaryObject({NameObject("/I1"): writer._add_object(picture)})
        page[NameObject("/Resources")] = resources
        shown = " T* ".join(f"({line}) Tj" for line in said.split("\n")) if said else ""
        drawn = " q 612 0 0 792 0 0 cm /I1 Do Q" if image and not said else ""
        stream.set_data(f"BT /F1 12 Tf 14 TL 50 700 Td {shown} ET{drawn}".encode())
        page[NameObject("/Contents")] = writer._add_object(stream)
    if password:
        writer.encrypt(password, algorithm="RC4-128")
    written = io.BytesIO()
    writer.write(written)
    return written.getvalue()
