"""Ingest a folder of documents into passages; unreadable files are reported and skipped."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from knowledge.documents.boilerplate import (
    drop_boilerplate, drop_duplicate_pages, without_collections, without_site_title,
)
from knowledge.documents.chunking import Chunk, Paragraph, chunk, paragraphs
from knowledge.documents.document import NoDocument, Page, Unreadable, plain
from knowledge.documents.file_discovery import KINDS_IN_WORDS, SkippedFile, find_documents
from knowledge.documents.file_reading import ParsedFile, read_file
from knowledge.documents.left_out_sentences import LeftOutSentence, LeftOutSentences
from knowledge.documents.passage_key_terms import passage_key_terms
from knowledge.documents.question_generator import GeneratedQuestions, QuestionGenerator
from knowledge.documents.topic_assignment import assign_topics, readable
from knowledge.domain import Domain, domain_of
from knowledge.key_terms import word_counts
from knowledge.languages import language_of
from knowledge.passages import Passage, passage_id

SOURCE = "folder"
# Number of skipped files named in an error.
_NAMED = 5


class NoSuchFolder(ValueError):
    """The folder does not exist or is not a folder."""
    error_kind = "knowledge"


class NothingReadable(ValueError):
    """The folder yields no passage; the message has the reasons."""
    error_kind = "knowledge"


@dataclass(frozen=True)
class ReadFile:
    """A file that was read, and what came of it."""

    path: str
    bytes: int
    sha256: str
    passages: int
    sentences_left_out: int
    languages: tuple[str, ...]
    """Languages of its passages, as codes of ISO 639-1, the most frequent first."""


@dataclass(frozen=True)
class IngestResult:
    """The passages of a folder, and what of it is in none."""

    passages: tuple[Passage, ...]
    skipped: tuple[SkippedFile, ...]
    remarks: tuple[SkippedFile, ...] = ()
    """Files that were read with another encoding or with bytes replaced."""
    topic_names: Mapping[str, str] = field(default_factory=dict)
    """Slug -> display name of the topic."""
    sentences_left_out: Mapping[str, int] = field(default_factory=dict)
    """Rule -> number of sentences that it left out of the passages."""
    examples: Mapping[str, tuple[LeftOutSentence, ...]] = field(default_factory=dict)
    """Rule -> some of those sentences."""
    files: tuple[ReadFile, ...] = ()
    """Every file that was read, those without a passage included; ordered by path."""
    repeated: int = 0
    """Passages whose text is the same as that of an earlier one; each text is kept once."""


def read_folder(folder: Path, name: str | None = None) -> IngestResult:
    """All passages of a folder, ordered by path; deterministic for the same files.

    Args:
        folder: the folder to ingest, including sub-folders.
        name: the project's name, for questions about pages without a meaningful title; by default the folder's name.

    Raises:
        NoSuchFolder: it does not exist or is a file.
        NothingReadable: no document yields a passage.
    """
    _check(folder)
    files, skipped = find_documents(folder)
    remarks: list[SkippedFile] = []
    pages: dict[str, list[Paragraph]] = {}
    parsed: dict[str, ParsedFile] = {}
    left_out = LeftOutSentences()
    for file in files:
        path = file.relative_to(folder).as_posix()
        try:
            found = read_file(file, path)
        except NoDocument:
            continue
        except (Unreadable, OSError) as error:
            skipped.append(SkippedFile(path, str(getattr(error, "strerror", None) or error)))
            continue
        pages[path] = list(paragraphs(found.page, left_out))
        parsed[path] = replace(found, page=Page(path, "", ()))
        remarks += [SkippedFile(path, found.remark)] if found.remark else []
    chunks, without_passage = _chunks(pages, left_out)
    skipped = sorted([*skipped, *without_passage], key=lambda entry: entry.path.split("/"))
    if not chunks:
        raise NothingReadable(_nothing_readable(folder, skipped))
    unique = list({_id(one): one for one in reversed(chunks)}.values())[::-1]
    passages, names = _passages(unique, name or project_name(folder))
    return IngestResult(passages, tuple(skipped), tuple(remarks), names, dict(left_out.by_rule.most_common()),
                        left_out.examples(), _files(parsed, passages, left_out), len(chunks) - len(unique))


def _files(parsed: Mapping[str, ParsedFile], passages: Sequence[Passage],
           left_out: LeftOutSentences) -> tuple[ReadFile, ...]:
    languages: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for passage in passages:
        languages[path_of(passage)][language_of(passage.text)] += 1
    return tuple(ReadFile(path, file.bytes, file.sha256, languages[path].total(), left_out.by_path[path],
                          tuple(language for language, _ in languages[path].most_common()))
                 for path, file in parsed.items())


def path_of(passage: Passage) -> str:
    """The file that a folder's passage comes from, relative to the folder."""
    return passage.address.partition("#")[0]


def project_name(folder: Path) -> str:
    """Display name of a folder."""
    return readable(folder.resolve().name) or "Folder"


def _check(folder: Path) -> None:
    if not folder.exists():
        raise NoSuchFolder(f"{folder}: there is no such folder")
    if not folder.is_dir():
        raise NoSuchFolder(f"{folder}: this is a file; give the folder that holds it")


def _chunks(pages: dict[str, list[Paragraph]],
            left_out: LeftOutSentences) -> tuple[list[Chunk], list[SkippedFile]]:
    """Chunks of the pages without boilerplate and duplicates, and the pages that yield none."""
    single, collections = without_collections(pages)
    own, copies = drop_duplicate_pages(without_site_title(single))
    chunks: list[Chunk] = []
    skipped = [SkippedFile(path, f"says the same as {original}") for path, original in copies.items()]
    skipped += [SkippedFile(path, "puts other pages together that are read already") for path in collections]
    for path, rest in drop_boilerplate(own, left_out).items():
        of_page = list(chunk(path, rest, left_out))
        chunks += of_page
        skipped += [] if of_page else [SkippedFile(path, "no passage of prose in it")]
    return chunks, skipped


def _passages(unique: Sequence[Chunk], name: str) -> tuple[tuple[Passage, ...], dict[str, str]]:
    slugs, names = assign_topics(unique)
    texts = [one.text for one in unique]
    document_counts, generator = word_counts(texts), QuestionGenerator(name, _lowercase_words(texts))
    passages = [Passage(id=_id(one), topic=slug, source=SOURCE, title=" > ".join(one.headings), text=one.text,
                        address=one.path + (f"#{one.anchor}" if one.anchor else ""), key_terms=(), questions=())
                for one, slug in zip(unique, slugs, strict=True)]
    generated = [generator.generate(one, passage) for one, passage in zip(unique, passages, strict=True)]

    def completed(one: Chunk, passage: Passage, found: GeneratedQuestions) -> Passage:
        asked = replace(passage, questions=found.questions, test_questions=generator.test_questions(found))
        terms = passage_key_terms(one, found.sentence, " ".join((*asked.wordings, name)), document_counts,
                                  len(unique))
        return replace(asked, key_terms=terms)
    return tuple(map(completed, unique, passages, generated)), names


def _lowercase_words(texts: Sequence[str]) -> frozenset[str]:
    """Words that occur in lower case, which are therefore no names when capitalized at the start of a sentence."""
    return frozenset(word for text in texts for word in re.findall(r"(?<![\w`.-])[a-z]{2,}(?![\w.-])", text))


def _id(chunk: Chunk) -> str:
    """The passage id, by the text alone: topics may be merged when the folder grows, and a passage must not change
    its side of the split then."""
    return passage_id(SOURCE, chunk.text)


def _nothing_readable(folder: Path, skipped: Sequence[SkippedFile]) -> str:
    if not skipped:
        return f"{folder}: no {KINDS_IN_WORDS.replace(' and ', ' or ')} in it"
    named = "; ".join(f"{entry.path}: {plain(entry.reason)}" for entry in skipped[:_NAMED])
    more = f"; and {len(skipped) - _NAMED} more" if len(skipped) > _NAMED else ""
    return f"{folder}: nothing readable in it ({named}{more})"


def domain_of_folder(folder: Path, name: str | None = None) -> Domain:
    """Build the domain of a folder of documents, named `name` or else after the folder.

    Raises:
        NoSuchFolder: it does not exist or is a file.
        NothingReadable: no document yields a passage.
    """
    name = name or project_name(folder)
    result = read_folder(folder, name)
    return domain_of(name, result.passages, result.topic_names)
