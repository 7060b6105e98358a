"""Gives each part its topic: the folder it lies in, or its page, or its chapter. Pure."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence

from knowledge.documents.chunking import Chunk

MAX_TOPICS = 40
# Fewer passages than this are too few to practise on and to test with.
MIN_PASSAGES = 5
# A folder with this share of all passages is where the documentation begins, and no topic.
NEARLY_ALL = 0.85
OTHER, OTHER_NAME = "other", "Other"
GENERAL = "General"


def assign_topics(parts: Sequence[Chunk]) -> tuple[list[str], dict[str, str]]:
    """The slug of each part's topic, and the readable name of each slug."""
    raw = _raw_names(parts)
    names: dict[str, str] = {}
    slugs = [slug_of(name) for name in raw]
    for slug, name in zip(slugs, raw, strict=True):
        names.setdefault(slug, name)
    kept = _kept(Counter(slugs))
    sorted_slugs = [slug if slug in kept else OTHER for slug in slugs]
    return sorted_slugs, {slug: names[slug] if slug in kept else OTHER_NAME for slug in dict.fromkeys(sorted_slugs)}


def slug_of(name: str) -> str:
    """`Getting Started` -> `getting-started`; letters of other alphabets stay where ASCII has none for them."""
    ascii_only = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    letters = ascii_only if re.search(r"[A-Za-z]", ascii_only) else name
    return re.sub(r"[\W_]+", "-", letters.casefold()).strip("-")[:60].strip("-") or "topic"


def readable(name: str) -> str:
    """`01-getting_started` -> `Getting started`; capitals that are there stay."""
    words = re.sub(r"[-_\s]+", " ", re.sub(r"^\d{1,3}[-_. ]+(?=\D)", "", name)).strip() or name
    return words[:1].upper() + words[1:]


def _raw_names(parts: Sequence[Chunk]) -> list[str]:
    folders = [part.path.split("/")[:-1] for part in parts]
    above = _folder_of_nearly_all(folders)
    if any(folder != above for folder in folders):
        # Where nearly all pages lie side by side, each page is a topic.
        flat = sum(folder == above for folder in folders) >= NEARLY_ALL * len(folders)
        return [part.headings[0] if flat and folder == above else readable(_step_below(folder, above))
                for part, folder in zip(parts, folders, strict=True)]
    if len({part.path for part in parts}) > 1:
        return [part.headings[0] for part in parts]
    return [_chapter(part, parts) for part in parts]


def _folder_of_nearly_all(folders: Sequence[list[str]]) -> list[str]:
    """The deepest folder that holds nearly all: `docs/` above everything, or beside a README, is no topic."""
    above: list[str] = []
    while True:
        below = Counter(folder[len(above)] for folder in folders
                        if folder[:len(above)] == above and len(folder) > len(above))
        name, count = below.most_common(1)[0] if below else ("", 0)
        if not name or count < NEARLY_ALL * len(folders):
            return above
        above = [*above, name]


def _step_below(folder: list[str], above: list[str]) -> str:
    """The sub-folder of `above` that a folder is or lies in; its own first one where it lies elsewhere."""
    if folder[:len(above)] != above:
        return folder[0] if folder and (not above or folder[0] != above[0]) else GENERAL
    return folder[len(above)] if len(folder) > len(above) else GENERAL


def _chapter(part: Chunk, parts: Sequence[Chunk]) -> str:
    """A single page's topics: its first headings that are not the same for all."""
    shared = all(other.headings[0] == part.headings[0] for other in parts)
    return part.headings[1] if shared and len(part.headings) > 1 else part.headings[0]


def _kept(counts: Counter[str]) -> set[str]:
    """The topics that stand for themselves: the largest, if they are large enough and not alone."""
    large = [slug for slug, count in counts.most_common() if count >= MIN_PASSAGES and slug != OTHER]
    if len(large) < 2:
        # A small folder: its own few topics say more than one heap.
        large = [slug for slug, _ in counts.most_common() if slug != OTHER]
    return set(large if len(large) == len(counts) <= MAX_TOPICS else large[:MAX_TOPICS - 1])
