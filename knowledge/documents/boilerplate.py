"""What pages share: copies of a whole page, and paragraphs that stand on many. Pure."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import replace

from knowledge.documents.chunking import Paragraph
from knowledge.near_duplicates import normalize

# A paragraph on this many pages is furniture: a footer, a licence, a plea for help.
MAX_PAGES_SHARING = 3
# A page that shares this much with one earlier page is another edition or rendering of it.
COPY_SHARE = 0.8
_MIN_PAGES = 4

Pages = Mapping[str, list[Paragraph]]


def without_collections(pages: Pages) -> tuple[dict[str, list[Paragraph]], list[str]]:
    """The pages less those that only put others together, such as a whole manual on one page; and their paths."""
    keys = {path: {normalize(paragraph.text) for paragraph in paragraphs} for path, paragraphs in pages.items()}
    on: defaultdict[str, list[str]] = defaultdict(list)
    for path, found in keys.items():
        for key in found:
            on[key].append(path)
    collections = [path for path, found in keys.items() if _is_collection(path, found, keys, on)]
    return {path: paragraphs for path, paragraphs in pages.items() if path not in collections}, collections


def _is_collection(path: str, found: set[str], keys: Mapping[str, set[str]], on: Mapping[str, list[str]]) -> bool:
    elsewhere = [other for key in found
                 for other in [next((page for page in on[key] if len(keys[page]) < len(found) / 2), "")] if other]
    return len(elsewhere) >= COPY_SHARE * max(1, len(found)) and len(set(elsewhere)) >= _MIN_PAGES


def without_site_title(pages: Pages) -> dict[str, list[Paragraph]]:
    """The pages less a first heading that most of them share: it names the site and not the page."""
    first = Counter(paragraphs[0].headings[0] for paragraphs in pages.values() if paragraphs)
    shared = {name for name, count in first.items() if count >= max(MAX_PAGES_SHARING, len(pages) / 2)}
    return {path: [replace(paragraph, headings=paragraph.headings[1:])
                   if len(paragraph.headings) > 1 and paragraph.headings[0] in shared else paragraph
                   for paragraph in paragraphs] for path, paragraphs in pages.items()}


def drop_duplicate_pages(pages: Pages) -> tuple[dict[str, list[Paragraph]], dict[str, str]]:
    """The pages that say something of their own; and for each copy the page it repeats."""
    kept: dict[str, list[Paragraph]] = {}
    copies: dict[str, str] = {}
    seen: defaultdict[str, list[str]] = defaultdict(list)
    for path, paragraphs in pages.items():
        keys = {key for paragraph in paragraphs if (key := normalize(paragraph.text))}
        shared = Counter(earlier for key in keys for earlier in seen[key])
        nearest, count = max(shared.items(), key=lambda entry: entry[1], default=("", 0))
        if len(keys) >= _MIN_PAGES and count >= COPY_SHARE * len(keys):
            copies[path] = nearest
            continue
        kept[path] = paragraphs
        for key in keys:
            seen[key].append(path)
    return kept, copies


def drop_boilerplate(pages: Pages) -> dict[str, list[Paragraph]]:
    """The pages less the paragraphs that stand on many of them."""
    on = Counter(key for paragraphs in pages.values()
                 for key in {normalize(paragraph.text) for paragraph in paragraphs})
    return {path: [paragraph for paragraph in paragraphs if on[normalize(paragraph.text)] < MAX_PAGES_SHARING]
            for path, paragraphs in pages.items()}
