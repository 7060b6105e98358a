"""Assign a topic to each chunk: its folder, its page, or its chapter. Pure."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence

from knowledge.documents.chunking import Chunk

MAX_TOPICS = 40
# Topics with fewer passages are too small to practise on and to test with.
MIN_PASSAGES = 5
# A folder with this share of all passages is the root of the documentation, not a topic.
NEARLY_ALL = 0.85
OTHER, OTHER_NAME = "other", "Other"
GENERAL = "General"


def assign_topics(chunks: Sequence[Chunk]) -> tuple[list[str], dict[str, str]]:
    """The topic slug of each chunk, and the display name of each slug."""
    raw = _raw_names(chunks)
    names: dict[str, str] = {}
    slugs = [slug_of(name) for name in raw]
    for slug, name in zip(slugs, raw, strict=True):
        names.setdefault(slug, name)
    topics = _own_topics(Counter(slugs))
    assigned = [slug if slug in topics else OTHER for slug in slugs]
    return assigned, {slug: names[slug] if slug in topics else OTHER_NAME for slug in dict.fromkeys(assigned)}


def slug_of(name: str) -> str:
    """`Getting Started` -> `getting-started`; names without Latin letters keep their own alphabet."""
    ascii_only = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    letters = ascii_only if re.search(r"[A-Za-z]", ascii_only) else name
    return re.sub(r"[\W_]+", "-", letters.casefold()).strip("-")[:60].strip("-") or "topic"


def readable(name: str) -> str:
    """`01-getting_started` -> `Getting started`; existing capitals are kept."""
    words = re.sub(r"[-_\s]+", " ", re.sub(r"^\d{1,3}[-_. ]+(?=\D)", "", name)).strip() or name
    return words[:1].upper() + words[1:]


def _raw_names(chunks: Sequence[Chunk]) -> list[str]:
    folders = [chunk.path.split("/")[:-1] for chunk in chunks]
    above = _folder_of_nearly_all(folders)
    if any(folder != above for folder in folders):
        # If nearly all pages are in one folder, each page is a topic.
        flat = sum(folder == above for folder in folders) >= NEARLY_ALL * len(folders)
        return [chunk.headings[0] if flat and folder == above else readable(_step_below(folder, above))
                for chunk, folder in zip(chunks, folders, strict=True)]
    if len({chunk.path for chunk in chunks}) > 1:
        return [chunk.headings[0] for chunk in chunks]
    return [_chapter(chunk, chunks) for chunk in chunks]


def _folder_of_nearly_all(folders: Sequence[list[str]]) -> list[str]:
    """The deepest folder that contains nearly all pages, such as `docs/`; it is no topic."""
    above: list[str] = []
    while True:
        below = Counter(folder[len(above)] for folder in folders
                        if folder[:len(above)] == above and len(folder) > len(above))
        name, count = below.most_common(1)[0] if below else ("", 0)
        if not name or count < NEARLY_ALL * len(folders):
            return above
        above = [*above, name]


def _step_below(folder: list[str], above: list[str]) -> str:
    """The sub-folder of `above` that contains the folder; for a folder outside `above`, its first component."""
    if folder[:len(above)] != above:
        return folder[0] if folder and (not above or folder[0] != above[0]) else GENERAL
    return folder[len(above)] if len(folder) > len(above) else GENERAL


def _chapter(chunk: Chunk, chunks: Sequence[Chunk]) -> str:
    """The topic of a chunk when there is one page: the first heading that not all chunks share."""
    shared = all(other.headings[0] == chunk.headings[0] for other in chunks)
    return chunk.headings[1] if shared and len(chunk.headings) > 1 else chunk.headings[0]


def _own_topics(counts: Counter[str]) -> set[str]:
    """The slugs that remain topics of their own: the largest ones, the rest becomes `OTHER`."""
    large = [slug for slug, count in counts.most_common() if count >= MIN_PASSAGES and slug != OTHER]
    if len(large) < 2:
        # A small folder: its few small topics are better than one.
        large = [slug for slug, _ in counts.most_common() if slug != OTHER]
    return set(large if len(large) == len(counts) <= MAX_TOPICS else large[:MAX_TOPICS - 1])
