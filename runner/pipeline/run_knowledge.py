"""The documents of a run: read once, and kept as a copy in the run's folder.

People edit, add and remove documents while a run is paused or killed. What was a passage of the test could then be
practised in other words, so a resumed run never mixes two states of the documents. The same holds for the questions
that people brought, which are kept in the copy.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from knowledge import domain_json
from knowledge.documents import NoSuchFolder, NothingReadable, ReadingProgress
from knowledge.documents.topic_assignment import readable
from knowledge.domain import Domain
from knowledge.kubernetes.api_models import ApiReferenceMissing
from knowledge.kubernetes.notes import MalformedNote
from knowledge.loader import name_of, open_knowledge
from knowledge.question_sets import FaultyQuestions, open_question_sets, with_question_sets
from knowledge.sources import NoSuchDocuments
from store.events import KnowledgeChanged, KnowledgeRead
from store.files import write_atomic
from store.question_set_settings import without_documents
from store.run_config import RunConfig

REPORT_SECONDS = 1.0
_UNREADABLE = (NoSuchFolder, NothingReadable, NoSuchDocuments, ApiReferenceMissing, MalformedNote, FaultyQuestions,
               OSError)


class DocumentsChanged(Exception):
    """The documents are not those that the run's test was written from, and the run has no copy of those."""
    error_kind = "knowledge changed"


def open_domain(config: RunConfig, fetched: Path | None = None,
                on_progress: Callable[[ReadingProgress], None] = lambda progress: None) -> Domain:
    """Read what a configuration names: the documents, and the questions that people brought.

    Args:
        config: names them.
        fetched: the folder that keeps fetched documents; None where only folders are opened.
        on_progress: is called while a folder is read.

    Raises:
        NoSuchFolder, NothingReadable, NoSuchDocuments, MalformedNote, ApiReferenceMissing: the documents cannot be
            read.
        FaultyQuestions: a file of questions cannot be used.
    """
    return with_brought_questions(config, lambda: open_knowledge(config.knowledge, config.knowledge_name, fetched,
                                                              on_progress))


def with_brought_questions(config: RunConfig, documents: Callable[[], Domain]) -> Domain:
    """Return the documents with the questions that people brought, or these alone.

    Args:
        documents: reads the documents; not called where they are not used.

    Raises:
        FaultyQuestions: a file of questions cannot be used.
    """
    if not (config.practice or config.test):
        return documents()
    sets = open_question_sets(config.practice, config.test)
    return with_question_sets(None if without_documents(config) else documents(), sets, config.knowledge_name)


def domain_name(config: RunConfig) -> str:
    """Return what the domain of a configuration is called; reads nothing."""
    if without_documents(config):
        return config.knowledge_name or readable(Path(config.practice).stem)
    return name_of(config.knowledge, config.knowledge_name)


def domain_of_run(read: Callable[[], Domain], copy: Path, recorded: Callable[[], KnowledgeRead | None],
                  record: Callable[[KnowledgeChanged], object],
                  keep_apart: Callable[[Domain], Domain] = lambda domain: domain) -> Domain:
    """Return the passages that a run works with: those its test was written from.

    Args:
        read: reads the documents as they are now.
        copy: the file of the run's copy; written when the test is not written yet.
        recorded: the documents that the test was written from; None before it is written.
        record: records that the copy is used because the documents have changed.
        keep_apart: takes out of use what earlier runs had on the other side of the split; only before the test is
            written, because afterwards the copy says it.

    Raises:
        DocumentsChanged: the documents have changed, and there is no copy of them (runs of earlier versions).
        NoSuchFolder, NothingReadable, MalformedNote, ApiReferenceMissing, FaultyQuestions: no test is written, and
            there is nothing to write it from.
    """
    before = recorded()
    if before is None:
        now = keep_apart(read())
        copy.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(copy, domain_json.to_json(now).encode())
        return now
    kept = _read_copy(copy, before.knowledge_hash)
    try:
        found, reason = read(), ""
    except _UNREADABLE as error:
        found, reason = None, str(error)
    if found and found.hash == before.knowledge_hash and (kept is None or kept.passages == found.passages):
        return kept or found
    if kept is None:
        now_is = f"now their hash is {found.hash}" if found else f"now they cannot be read ({reason})"
        raise DocumentsChanged(f"the documents of {before.domain} were changed since the run's test was written: then "
                               f"their hash was {before.knowledge_hash}, {now_is}, and the run has no usable copy of "
                               "its passages")
    old, new = set(kept.passages), set(found.passages) if found else set()
    record(KnowledgeChanged(kept.hash, found.hash if found else "", len(new - old), len(old - new) if found else 0,
                            reason))
    return kept


def domain_of_finished_run(copy: Path, knowledge_hash: str | None, read: Callable[[], Domain]) -> Domain:
    """Return the passages that a run worked with: its copy, or the documents where these are unchanged.

    Args:
        copy: the file of the run's copy.
        knowledge_hash: hash of the documents that its test was written from.
        read: reads the documents as they are now; called only without a copy.

    Raises:
        DocumentsChanged: there is no copy, and the documents have changed or cannot be read.
    """
    kept = _read_copy(copy, knowledge_hash or "")
    if kept is not None:
        return kept
    try:
        found, reason = read(), "the documents were changed since"
    except _UNREADABLE as error:
        found, reason = None, str(error)
    if found is None or found.hash != knowledge_hash:
        raise DocumentsChanged(f"the passages that the run worked with are not there: it has no usable copy at {copy}, "
                               f"and {reason}")
    return found


def reading_reporter(progress: Callable[[int, int, str, str], None],
                     clock: Callable[[], float] = time.monotonic) -> Callable[[ReadingProgress], None]:
    """Return what records how far documents are read, once a second, as the progress of the stage that needs them."""
    last = clock()

    def report(reading: ReadingProgress) -> None:
        nonlocal last
        if clock() - last >= REPORT_SECONDS:
            last = clock()
            done, total, unit = (reading.passages, reading.of_passages, "passages") if reading.of_passages else \
                (reading.pages, reading.of_pages, "pages") if reading.of_pages else \
                (reading.files, reading.of_files, "files")
            progress(done, total, unit, reading.sentence())

    return report


def _read_copy(copy: Path, wanted: str) -> Domain | None:
    """Return the run's copy; None if there is none, or not of the recorded documents."""
    try:
        kept = domain_json.from_json(copy.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return kept if kept.hash == wanted else None
