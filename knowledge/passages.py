"""Passages: the units of knowledge that questions are about."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Passage:
    """One to four sentences of fact with their source, key terms and questions."""

    id: str
    """Content hash (16 hex digits) of topic and text; for documents of a folder, of the text alone."""
    topic: str
    """Slug of its topic."""
    source: str
    """`notes`, `api` or `folder`."""
    title: str
    """Its heading; for the API reference `Kind` or `Kind.field`."""
    text: str
    address: str
    """Its source: a URL, or a file's path within the folder."""
    key_terms: tuple[str, ...]
    """Terms that a right answer must contain; each occurs in `text`, ignoring case."""
    questions: tuple[str, ...]
    """Wordings of questions that this passage answers and that may be trained on, in the order in which they are
    used."""
    test_questions: tuple[str, ...] = ()
    """Wordings reserved for the test; never trained on. Empty where there is none."""

    @property
    def wordings(self) -> tuple[str, ...]:
        """All wordings, those that may be trained on first."""
        return (*self.questions, *self.test_questions)


def passage_id(topic: str, text: str) -> str:
    """The content hash of a passage; ignores white space and case."""
    normalized = re.sub(r"\s+", " ", text).strip().casefold()
    return hashlib.sha256(f"{topic}\n{normalized}".encode()).hexdigest()[:16]


def collection_hash(passages: Iterable[Passage]) -> str:
    """Hash of a collection of passages, independent of their order; a run records it as its knowledge."""
    return hashlib.sha256("\n".join(sorted(passage.id for passage in passages)).encode()).hexdigest()[:16]
