"""Read the documents of a run before it is launched, once for all that is said about them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from knowledge.documents import IngestResult, ReadingProgress, read_folder
from knowledge.domain import Domain, domain_of
from knowledge.kubernetes.topics import BUILT_IN
from knowledge.loader import name_of, open_knowledge
from knowledge.sources import folder_of
from runner.pipeline.run_knowledge import with_brought_questions
from store.paths import default_paths
from store.run_config import RunConfig


@dataclass(frozen=True)
class ReadDocuments:
    """The passages of a configuration, and of a folder what was left out."""

    domain: Domain
    reading: IngestResult | None


class DocumentsReader:
    """Reads each folder at most once, so that checks and notes are about the same state of it."""

    def __init__(self, fetched: Path | None = None,
                 on_progress: Callable[[ReadingProgress], None] = lambda progress: None) -> None:
        """`fetched` keeps fetched documents, by default in the data folder; `on_progress` is called for every file."""
        self._fetched = fetched or default_paths().documents
        self._on_progress = on_progress
        self._read: dict[tuple[str, str], ReadDocuments] = {}
        self._joined: dict[tuple[str, ...], ReadDocuments] = {}

    def read(self, config: RunConfig) -> ReadDocuments:
        """The documents that a configuration names, and the questions that people brought.

        Raises:
            NoSuchFolder, NothingReadable, NoSuchDocuments: the documents cannot be read.
            FaultyQuestions: a file of questions cannot be used.
        """
        if not (config.practice or config.test):
            return self._documents(config)
        files = (config.knowledge, config.knowledge_name, config.practice, config.test)
        if files not in self._joined:
            domain = with_brought_questions(config, lambda: self._documents(config).domain)
            self._joined[files] = ReadDocuments(domain, None)
        return self._joined[files]

    def _documents(self, config: RunConfig) -> ReadDocuments:
        if config.knowledge == BUILT_IN:
            return ReadDocuments(open_knowledge(BUILT_IN), None)
        key = (config.knowledge, config.knowledge_name)
        if key not in self._read:
            name = name_of(*key)
            reading = read_folder(folder_of(config.knowledge, self._fetched), name, self._on_progress, config.knowledge)
            self._read[key] = ReadDocuments(domain_of(name, reading.passages, reading.topic_names), reading)
        return self._read[key]
