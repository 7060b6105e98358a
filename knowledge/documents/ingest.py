"""Ingest a folder of documents into passages; unreadable files are reported and skipped."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from knowledge.documents.boilerplate import (
    BOILERPLATE, MAX_PAGES_SHARING, collections, copies, keys_on, site_titles,
)
from knowledge.documents.chosen_chunks import SOURCE, ChosenChunks, id_of
from knowledge.documents.chunking import Chunk, Paragraph, chunk, paragraphs
from knowledge.documents.document import NoDocument, Page, Unreadable, plain
from knowledge.documents.file_discovery import KINDS_IN_WORDS, SkippedFile, find_documents, name_within
from knowledge.documents.file_reading import ParsedFile, change_since, read_file
from knowledge.documents.left_out_sentences import LeftOutSentence, LeftOutSentences
from knowledge.documents.page_spool import PageSpool, SpooledPage
from knowledge.documents.passage_key_terms import passage_key_terms, term_counts
from knowledge.documents.question_generator import GeneratedQuestions, QuestionGenerator
from knowledge.documents.sentence_splitter import sentences
from knowledge.documents.topic_assignment import assign_topics, readable
from knowledge.domain import Domain, domain_of
from knowledge.languages import language_of
from knowledge.passages import Passage

# Number of skipped files named in an error.
_NAMED = 5


class NoSuchFolder(ValueError):
    """The folder does not exist or is not a folder."""
    error_kind = "knowledge"


class NothingReadable(ValueError):
    """The folder yields no passage; the message has the reasons."""
    error_kind = "knowledge"


@dataclass(frozen=True)
class ReadingProgress:
    """How far a folder is read."""

    files: int
    of_files: int
    bytes: int
    pages: int = 0
    """Pages that are cut into passages; 0 while files are read."""
    of_pages: int = 0
    passages: int = 0
    """Passages that have their questions; 0 before all pages are cut."""
    of_passages: int = 0
    completing: bool = False
    """Whether the passages get their test questions and key terms."""
    done: bool = False

    def sentence(self) -> str:
        """The progress in words."""
        if self.of_passages:
            what = "key terms and test questions" if self.completing else "questions"
            return f"writing {what}: {self.passages:,} of {self.of_passages:,} passages"
        if self.of_pages:
            return f"cutting passages: {self.pages:,} of {self.of_pages:,} pages"
        return f"reading: {self.files:,} of {self.of_files:,} files, {self.bytes / 1e6:,.1f} MB"


OnProgress = Callable[[ReadingProgress], None]


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
    """Files that were read with another encoding, with bytes replaced, in part, or that were changed afterwards."""
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
    passed_over: int = 0
    """Passages beyond the most that are kept, `MOST_PASSAGES`."""


def read_folder(folder: Path, name: str | None = None, on_progress: OnProgress = lambda progress: None,
                place: str = "") -> IngestResult:
    """All passages of a folder, ordered by path; deterministic for the same files.

    Args:
        folder: the folder to ingest, including sub-folders.
        name: the project's name, for questions about pages without a meaningful title; by default the folder's name.
        on_progress: is called after each file, and for every hundredth passage.
        place: what errors call the documents: the archive or repository that the folder came from; by default its path.

    Raises:
        NoSuchFolder: it does not exist or is a file.
        NothingReadable: no document yields a passage.
    """
    _check(folder)
    files, skipped = find_documents(folder)
    reading = _Reading(folder, len(files), on_progress)
    for file in files:
        reading.read(file)
    reading.note_changes(files)
    chunks = reading.chunks()
    skipped = sorted([*skipped, *reading.skipped], key=lambda entry: entry.path.split("/"))
    if not chunks.kept:
        raise NothingReadable(_nothing_readable(place or str(folder), skipped))
    passages, names = _passages(chunks.kept, name or project_name(folder), reading.report)
    left_out = reading.left_out
    return IngestResult(passages, tuple(skipped), tuple(reading.remarks), names, dict(left_out.by_rule.most_common()),
                        left_out.examples(), _files(reading.parsed, passages, left_out), chunks.repeated,
                        chunks.passed_over)


class _Reading:
    """Reads the files of a folder, then cuts their pages; texts are in a temporary file meanwhile."""

    def __init__(self, folder: Path, of_files: int, on_progress: OnProgress) -> None:
        self.skipped: list[SkippedFile] = []
        self.remarks: list[SkippedFile] = []
        self.parsed: dict[str, ParsedFile] = {}
        self._files: dict[str, Path] = {}
        """Path within the folder -> the file that was read."""
        self.left_out = LeftOutSentences()
        self._folder, self._on_progress = folder, on_progress
        self._progress = ReadingProgress(0, of_files, 0)
        self._spool = PageSpool()

    def report(self, **changes: Any) -> None:
        self._progress = replace(self._progress, **changes)
        self._on_progress(self._progress)

    def read(self, file: Path) -> None:
        """Read one file; why it cannot be is kept."""
        path, size = name_within(self._folder, file), 0
        try:
            found = read_file(file, path)
        except NoDocument:
            pass
        except (Unreadable, OSError) as error:
            self.skipped.append(SkippedFile(path, str(getattr(error, "strerror", None) or error)))
        else:
            size = found.bytes
            self._spool.add(path, paragraphs(found.page, self.left_out))
            self.parsed[path], self._files[path] = replace(found, page=Page(path, "", ())), file
            self.remarks += [SkippedFile(path, found.remark)] if found.remark else []
        self.report(files=self._progress.files + 1, bytes=self._progress.bytes + size)

    def note_changes(self, files: Sequence[Path]) -> None:
        """Name the files that were changed, removed or added after the folder was listed."""
        for path, parsed in self.parsed.items():
            if changed := change_since(self._files[path], parsed):
                self.remarks.append(SkippedFile(path, changed))
        for file in set(find_documents(self._folder)[0]) - set(files):
            self.skipped.append(SkippedFile(name_within(self._folder, file),
                                            "added while the folder was read: read the folder again"))

    def chunks(self) -> ChosenChunks:
        """Chunks of the pages without boilerplate and duplicates; pages that yield none are kept as skipped."""
        combined = collections(self._spool.pages)
        self.skipped += [SkippedFile(path, "puts other pages together that are read already") for path in combined]
        single = [page for page in self._spool.pages if page.path not in set(combined)]
        repeated = copies(single)
        self.skipped += [SkippedFile(path, f"says the same as {original}") for path, original in repeated.items()]
        own = [page for page in single if page.path not in repeated]
        titles, boilerplate = site_titles(single), keys_on(own, MAX_PAGES_SHARING)
        chosen = ChosenChunks()
        for number, page in enumerate(own):
            if not chosen.add(chunk(page.path, self._own_paragraphs(page, titles, boilerplate), self.left_out)):
                self.skipped.append(SkippedFile(page.path, "no passage of prose in it"))
            self.report(pages=number + 1, of_pages=len(own))
        self._spool.close()
        return chosen

    def _own_paragraphs(self, page: SpooledPage, titles: frozenset[str],
                        boilerplate: frozenset[int]) -> list[Paragraph]:
        """The paragraphs of a page without those that other pages share, and without the site's title."""
        own = []
        for key, paragraph in zip(page.keys, self._spool.paragraphs(page), strict=True):
            if key in boilerplate:
                for sentence in sentences(paragraph.text):
                    self.left_out.add(BOILERPLATE, page.path, sentence)
            else:
                named = len(paragraph.headings) > 1 and paragraph.headings[0] in titles
                own.append(replace(paragraph, headings=paragraph.headings[1:]) if named else paragraph)
        return own


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


def _passages(unique: Sequence[Chunk], name: str,
              report: Callable[..., None]) -> tuple[tuple[Passage, ...], dict[str, str]]:
    slugs, names = assign_topics(unique)
    texts = [one.text for one in unique]
    document_counts, generator = term_counts(texts), QuestionGenerator(name, _lowercase_words(texts))
    passages = [Passage(id=id_of(one), topic=slug, source=SOURCE, title=" > ".join(one.headings), text=one.text,
                        address=one.path + (f"#{one.anchor}" if one.anchor else ""), key_terms=(), questions=())
                for one, slug in zip(unique, slugs, strict=True)]
    generated = []
    for number, (one, passage) in enumerate(zip(unique, passages, strict=True)):
        generated.append(generator.generate(one, passage))
        if number % 100 == 0:
            report(passages=number + 1, of_passages=len(unique))

    def completed(one: Chunk, passage: Passage, found: GeneratedQuestions) -> Passage:
        asked = replace(passage, questions=found.questions, test_questions=generator.test_questions(found))
        terms = passage_key_terms(one, found.sentence, " ".join((*asked.wordings, name)), document_counts,
                                  len(unique))
        return replace(asked, key_terms=terms)
    finished = []
    for number, each in enumerate(zip(unique, passages, generated, strict=True)):
        finished.append(completed(*each))
        if number % 100 == 0:
            report(passages=number + 1, of_passages=len(unique), completing=True)
    report(passages=len(unique), of_passages=len(unique), done=True)
    return tuple(finished), names


def _lowercase_words(texts: Sequence[str]) -> frozenset[str]:
    """Words that occur in lower case, which are therefore no names when capitalized at the start of a sentence."""
    return frozenset(word for text in texts for word in re.findall(r"(?<![\w`.-])[a-z]{2,}(?![\w.-])", text))


def _nothing_readable(place: str, skipped: Sequence[SkippedFile]) -> str:
    if not skipped:
        return f"{place}: no {KINDS_IN_WORDS.replace(' and ', ' or ')} in it"
    named = "; ".join(f"{entry.path}: {plain(entry.reason)}" for entry in skipped[:_NAMED])
    more = f"; and {len(skipped) - _NAMED} more" if len(skipped) > _NAMED else ""
    return f"{place}: nothing readable in it ({named}{more})"


def domain_of_folder(folder: Path, name: str | None = None, on_progress: OnProgress = lambda progress: None,
                     place: str = "") -> Domain:
    """Build the domain of a folder of documents, named `name` or else after the folder; errors call it `place`.

    Raises:
        NoSuchFolder: it does not exist or is a file.
        NothingReadable: no document yields a passage.
    """
    name = name or project_name(folder)
    result = read_folder(folder, name, on_progress, place)
    return domain_of(name, result.passages, result.topic_names)
