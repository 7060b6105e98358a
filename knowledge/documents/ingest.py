"""Reads a folder from its files to its passages; what cannot be read is named, and the rest goes on."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from knowledge.documents.boilerplate import (
    drop_boilerplate, drop_duplicate_pages, without_collections, without_site_title,
)
from knowledge.documents.chunking import Chunk, Paragraph, chunk, paragraphs
from knowledge.documents.document import Page, Unreadable, plain
from knowledge.documents.file_discovery import HTML, MARKDOWN, PDF, SkippedFile, find_documents
from knowledge.documents.passage_key_terms import passage_key_terms
from knowledge.documents.question_generator import QuestionGenerator
from knowledge.documents.text_decoding import decode
from knowledge.documents.topic_assignment import assign_topics, readable
from knowledge.domain import Domain, domain_of
from knowledge.key_terms import word_counts
from knowledge.passages import Passage, passage_id

SOURCE = "folder"
# How many of the files that were left out an error names.
_NAMED = 5


class NoSuchFolder(ValueError):
    """The folder of a domain is not there, or is no folder."""
    error_kind = "knowledge"


class NothingReadable(ValueError):
    """A folder without a single passage; the message says why."""
    error_kind = "knowledge"


@dataclass(frozen=True)
class IngestResult:
    """What a folder holds, and what of it was left out."""

    passages: tuple[Passage, ...]
    skipped: tuple[SkippedFile, ...]
    remarks: tuple[SkippedFile, ...] = ()
    """Files that were read, but not as they stand: in another encoding, or with bytes replaced."""
    topic_names: Mapping[str, str] = field(default_factory=dict)
    """Slug -> the topic as people read it."""


def read_folder(folder: Path, name: str | None = None) -> IngestResult:
    """All passages of a folder, in the order of its paths; the same files always give the same passages.

    Args:
        name: what the whole is called, where a page's own title says nothing; the folder's name if left out.

    Raises:
        NoSuchFolder: there is none, or it is a file.
        NothingReadable: no document in it holds a passage.
    """
    _check(folder)
    files, skipped = find_documents(folder)
    remarks: list[SkippedFile] = []
    pages: dict[str, list[Paragraph]] = {}
    for file in files:
        path = file.relative_to(folder).as_posix()
        try:
            page, remark = _page(file, path)
        except (Unreadable, OSError) as error:
            skipped.append(SkippedFile(path, str(getattr(error, "strerror", None) or error)))
            continue
        pages[path] = list(paragraphs(page))
        remarks += [SkippedFile(path, remark)] if remark else []
    found, left_out = _parts(pages)
    skipped = sorted([*skipped, *left_out], key=lambda entry: entry.path.split("/"))
    if not found:
        raise NothingReadable(_nothing(folder, skipped))
    passages, names = _passages(found, name or project_name(folder))
    return IngestResult(passages, tuple(skipped), tuple(remarks), names)


def project_name(folder: Path) -> str:
    """A folder's name as people read it."""
    return readable(folder.resolve().name) or "Folder"


def _check(folder: Path) -> None:
    if not folder.exists():
        raise NoSuchFolder(f"{folder}: there is no such folder")
    if not folder.is_dir():
        raise NoSuchFolder(f"{folder}: this is a file; give the folder that holds it")


def _page(file: Path, path: str) -> tuple[Page, str]:
    data, kind = file.read_bytes(), file.suffix.lower()
    if kind in PDF:
        from knowledge.documents.pdf_parser import (
            read_pdf,
        )  # late, as the others: most folders need one of the libraries

        return read_pdf(path, data), ""
    text, remark = decode(data)
    return _reader(kind)(path, text), remark


def _reader(kind: str) -> Callable[[str, str], Page]:
    """What reads files of this ending."""
    if kind in MARKDOWN:
        from knowledge.documents.markdown_parser import read_markdown

        return read_markdown
    if kind in HTML:
        from knowledge.documents.html_parser import read_html

        return read_html
    from knowledge.documents.text_parser import read_text

    return read_text


def _parts(pages: dict[str, list[Paragraph]]) -> tuple[list[Chunk], list[SkippedFile]]:
    """What is left of the pages when what they share is gone, and the pages of which nothing is left."""
    single, collections = without_collections(pages)
    own, copies = drop_duplicate_pages(without_site_title(single))
    found: list[Chunk] = []
    left_out = [SkippedFile(path, f"says the same as {original}") for path, original in copies.items()]
    left_out += [SkippedFile(path, "puts other pages together that are read already") for path in collections]
    for path, rest in drop_boilerplate(own).items():
        of_page = list(chunk(path, rest))
        found += of_page
        left_out += [] if of_page else [SkippedFile(path, "no passage of prose in it")]
    return found, left_out


def _passages(found: Sequence[Chunk], name: str) -> tuple[tuple[Passage, ...], dict[str, str]]:
    unique = list({_id(part): part for part in reversed(found)}.values())[::-1]
    slugs, names = assign_topics(unique)
    texts = [part.text for part in unique]
    rarity, asker = word_counts(texts), QuestionGenerator(name, _lowercase_words(texts))
    passages = []
    for part, slug in zip(unique, slugs, strict=True):
        bare = Passage(id=_id(part), topic=slug, source=SOURCE, title=" > ".join(part.headings), text=part.text,
                       address=part.path + (f"#{part.anchor}" if part.anchor else ""), key_terms=(), questions=())
        asked = asker.ask(part, bare)
        terms = passage_key_terms(part, asked.sentence, " ".join(asked.questions), rarity)
        passages.append(replace(bare, key_terms=terms, questions=asked.questions))
    return tuple(passages), names


def _lowercase_words(texts: Sequence[str]) -> frozenset[str]:
    """Words that occur in small letters: a capital at a sentence's beginning makes no name of them."""
    return frozenset(word for text in texts for word in re.findall(r"(?<![\w`.-])[a-z]{2,}(?![\w.-])", text))


def _id(part: Chunk) -> str:
    """By the text alone: a topic may be merged when the folder grows, and a passage must not change sides then."""
    return passage_id(SOURCE, part.text)


def _nothing(folder: Path, skipped: Sequence[SkippedFile]) -> str:
    if not skipped:
        return f"{folder}: no Markdown, text, HTML or PDF file in it"
    named = "; ".join(f"{entry.path}: {plain(entry.reason)}" for entry in skipped[:_NAMED])
    more = f"; and {len(skipped) - _NAMED} more" if len(skipped) > _NAMED else ""
    return f"{folder}: nothing readable in it ({named}{more})"


def domain_of_folder(folder: Path, name: str | None = None) -> Domain:
    """The domain of a folder of documents, called by its folder where no name is given.

    Raises:
        NoSuchFolder: there is none, or it is a file.
        NothingReadable: no document in it holds a passage.
    """
    called = name or project_name(folder)
    reading = read_folder(folder, called)
    return domain_of(called, reading.passages, reading.topic_names)
