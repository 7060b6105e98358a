"""A passage: the smallest piece of knowledge that a question can rest on."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Passage:
    """One to four sentences of fact, where they come from, and what a right answer must contain."""

    id: str
    """Content hash (16 hex digits): of topic and text, for a folder of the text alone. A changed passage is another."""
    topic: str
    """Slug of its topic."""
    source: str
    """`notes`, `api` or `folder`."""
    title: str
    """The heading it stands under; for the API reference `Kind` or `Kind.field`."""
    text: str
    address: str
    """The page it rests on: a URL, or a file's path within the folder."""
    key_terms: tuple[str, ...]
    """The facts a right answer must contain; each occurs in `text` (case aside)."""
    questions: tuple[str, ...]
    """Questions that this passage answers, differently worded; the first is asked first."""


def passage_id(topic: str, text: str) -> str:
    """The content hash that names a passage; white space and case do not count."""
    normal = re.sub(r"\s+", " ", text).strip().casefold()
    return hashlib.sha256(f"{topic}\n{normal}".encode()).hexdigest()[:16]


def collection_hash(passages: Iterable[Passage]) -> str:
    """One hash over a whole collection, independent of its order: what a run records as its knowledge."""
    return hashlib.sha256("\n".join(sorted(passage.id for passage in passages)).encode()).hexdigest()[:16]
