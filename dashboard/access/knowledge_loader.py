"""The knowledge that a page or the launch form is about: the built-in notes, or a folder of documents.

Knows no Streamlit. Every way in which knowledge cannot be opened becomes one sentence.
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

if TYPE_CHECKING:
    from knowledge.documents import SkippedFile

MOST_DOCUMENTS, MOST_FILES = 5_000, 100_000
"""A folder with more is refused here: somebody who types / must not make the server read a whole disk."""


class KnowledgeError(ValueError):
    """The knowledge cannot be opened; the message is the sentence to show."""


@dataclass(frozen=True)
class Knowledge:
    """A domain, where it came from, and what of its folder was left out."""

    place: str
    domain: Domain
    skipped: tuple[SkippedFile, ...] = ()
    remarks: tuple[SkippedFile, ...] = ()
    """Files that were read, but not as they stand."""

    @property
    def built_in(self) -> bool:
        return self.place == BUILT_IN

    @property
    def documents(self) -> int:
        """How many files, or pages of the web, the passages come from."""
        return len({passage.address.partition("#")[0] for passage in self.domain.passages})


def normalize_path(typed: str) -> str:
    """What was typed as a place: the built-in knowledge where nothing was, else a folder's absolute path."""
    typed = typed.replace("\x00", "").strip()
    if typed in ("", BUILT_IN):
        return BUILT_IN
    try:
        return os.path.abspath(Path(typed).expanduser())
    except RuntimeError:
        return typed  # ~somebody who does not exist: no such folder


def open_knowledge(place: str) -> Knowledge:
    """The knowledge at a place.

    Raises:
        KnowledgeError: with the sentence to show.
    """
    if place != BUILT_IN:
        return _of_folder(place)
    try:
        return Knowledge(place, kubernetes())
    except (MalformedNote, ApiReferenceMissing) as error:
        raise KnowledgeError(str(error)) from error


def _of_folder(place: str) -> Knowledge:
    """As `domain_of_folder` does it, but what was left out is kept."""
    from knowledge.documents import NoSuchFolder, NothingReadable, read_folder  # late: the first page needs none of it
    from knowledge.documents.ingest import project_name

    try:
        reading, called = read_folder(Path(place)), project_name(Path(place))
    except (NoSuchFolder, NothingReadable) as error:
        raise KnowledgeError(str(error)) from error
    except OSError as error:
        raise KnowledgeError(f"{place}: {error.strerror or error}") from error
    return Knowledge(place, domain_of(called, reading.passages, reading.topic_names), reading.skipped, reading.remarks)


def folder_fingerprint(place: str) -> str:
    """Another text whenever a document of the folder is another: by names, sizes and times, without reading any.

    Raises:
        KnowledgeError: the folder holds too much to be read while somebody waits.
    """
    if place == BUILT_IN:
        return ""
    from knowledge.documents.file_discovery import KINDS

    state, documents = hashlib.sha256(), 0
    for number, path in enumerate(_files(place), start=1):
        if number > MOST_FILES or documents > MOST_DOCUMENTS:
            raise KnowledgeError(f"{place}: more than {MOST_DOCUMENTS:,} documents or {MOST_FILES:,} files. "
                                 "Name a folder "
                                 "further down; the command line has no such limit.")
        if path.lower().endswith(KINDS):
            documents += 1
            state.update(_look(path).encode(errors="replace"))
    return state.hexdigest()


def _files(place: str) -> Iterator[str]:
    """Every file that is not hidden, links followed; a folder is entered once."""
    entered = set[str]()
    for parent, folders, names in os.walk(place, followlinks=True):
        real = os.path.realpath(parent)
        folders[:] = sorted(name for name in folders if not name.startswith(".")) if real not in entered else []
        if real not in entered:
            yield from (os.path.join(parent, name) for name in sorted(names) if not name.startswith("."))
        entered.add(real)


def _look(path: str) -> str:
    try:
        found = os.stat(path)
    except OSError:
        return f"{path} gone"
    return f"{path} {found.st_size} {found.st_mtime_ns}"
