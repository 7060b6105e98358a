"""Load the domain of a page or the launch form: the built-in one, or a document folder.

Imports no Streamlit. Every failure is a `KnowledgeError` whose message is shown to the user.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from knowledge.domain import Domain, domain_of, kubernetes
from knowledge.kubernetes.api_reference import ApiReferenceMissing
from knowledge.kubernetes.notes import MalformedNote
from knowledge.kubernetes.topics import BUILT_IN
from knowledge.sources import NoSuchDocuments, folder_of, parse_address
from store.paths import default_paths
from store.program_name import as_called

if TYPE_CHECKING:
    from knowledge.documents import IngestResult, SkippedFile

MOST_DOCUMENTS, MOST_FILES = 5_000, 100_000
"""Folders with more are refused here, so that a user who types / does not make the server read the whole disk."""


class KnowledgeError(ValueError):
    """The domain cannot be opened; the message is shown to the user."""


@dataclass(frozen=True)
class Knowledge:
    """A domain with its source and, for a folder, what was read of it."""

    source: str
    domain: Domain
    reading: IngestResult | None = None
    """None for the built-in domain."""

    @property
    def skipped(self) -> tuple[SkippedFile, ...]:
        return self.reading.skipped if self.reading else ()

    @property
    def remarks(self) -> tuple[SkippedFile, ...]:
        """Files that were read with changes, and which changes."""
        return self.reading.remarks if self.reading else ()

    @property
    def built_in(self) -> bool:
        return self.source == BUILT_IN

    @property
    def documents(self) -> int:
        """Number of files, or web pages, that the passages come from."""
        return len({passage.address.partition("#")[0] for passage in self.domain.passages})


def normalize_path(typed: str) -> str:
    """Normalize user input to `BUILT_IN`, if empty, an address of fetched documents, or a folder's absolute path."""
    typed = typed.replace("\x00", "").strip()
    if typed in ("", BUILT_IN):
        return BUILT_IN
    try:
        return str(parse_address(typed) or os.path.abspath(Path(typed).expanduser()))
    except (RuntimeError, NoSuchDocuments):
        return typed  # an unknown user after ~, or an address that is none: reported later


def open_knowledge(source: str) -> Knowledge:
    """Load the built-in domain or a document folder.

    Raises:
        KnowledgeError: it cannot be opened.
    """
    if source != BUILT_IN:
        return _of_folder(source)
    try:
        return Knowledge(source, kubernetes())
    except (MalformedNote, ApiReferenceMissing) as error:
        raise KnowledgeError(str(error)) from error


def _of_folder(source: str) -> Knowledge:
    """Like `domain_of_folder`, but with what was read; nothing is fetched from here."""
    from knowledge.documents import NoSuchFolder, NothingReadable, read_folder  # late: not needed by the first page
    from knowledge.loader import name_of

    try:
        folder = _folder(source)
        called = name_of(source) if folder.is_dir() else ""
        reading = read_folder(folder, called, place=source)
    except (NoSuchFolder, NothingReadable) as error:
        raise KnowledgeError(str(error)) from error
    except OSError as error:
        raise KnowledgeError(f"{source}: {error.strerror or error}") from error
    return Knowledge(source, domain_of(called, reading.passages, reading.topic_names), reading)


def _folder(source: str) -> Path:
    """The folder of a source: itself, or where its documents were fetched to.

    Raises:
        KnowledgeError: they were not fetched on this machine.
    """
    try:
        return folder_of(source, default_paths().documents, may_fetch=False)
    except NoSuchDocuments as error:
        raise KnowledgeError(as_called(str(error))) from error


def folder_fingerprint(folder: str) -> str:
    """Hash of the names, sizes and modification times of a folder's documents; empty for the built-in domain.

    Raises:
        KnowledgeError: the folder has too many files to be read while a user waits.
    """
    if folder == BUILT_IN:
        return ""
    from knowledge.documents.file_discovery import KINDS, SCHEMA

    fingerprint, documents = hashlib.sha256(), 0
    for number, path in enumerate(_files(str(_folder(folder))), start=1):
        if number > MOST_FILES or documents > MOST_DOCUMENTS:
            raise KnowledgeError(f"{folder}: more than {MOST_DOCUMENTS:,} documents or {MOST_FILES:,} files. Enter a "
                                 "subfolder; the command line has no such limit.")
        if path.lower().endswith(KINDS):
            documents += not path.lower().endswith(SCHEMA)  # most such files are data, and not read
            fingerprint.update(_file_state(path).encode(errors="replace"))
    return fingerprint.hexdigest()


def _files(folder: str) -> Iterator[str]:
    """Every file that is not hidden; follows links, but enters each folder once."""
    entered = set[str]()
    for parent, folders, names in os.walk(folder, followlinks=True):
        real = os.path.realpath(parent)
        folders[:] = sorted(name for name in folders if not name.startswith(".")) if real not in entered else []
        if real not in entered:
            yield from (os.path.join(parent, name) for name in sorted(names) if not name.startswith("."))
        entered.add(real)


def _file_state(path: str) -> str:
    try:
        found = os.stat(path)
    except OSError:
        return f"{path} gone"
    return f"{path} {found.st_size} {found.st_mtime_ns}"
