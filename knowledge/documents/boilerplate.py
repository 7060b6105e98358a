"""Remove text that pages share: duplicate pages, collections of pages, and repeated paragraphs. Pure."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import replace

from knowledge.documents.chunking import Paragraph
from knowledge.documents.left_out_sentences import LeftOutSentences
from knowledge.documents.sentence_splitter import sentences
from knowledge.near_duplicates import normalize

# A paragraph on this many pages is boilerplate, such as a footer or a licence.
MAX_PAGES_SHARING = 3
BOILERPLATE = f"in a paragraph that {MAX_PAGES_SHARING} pages or more share"
# A page that shares this much with an earlier page is another edition or rendering of it.
COPY_SHARE = 0.8
_MIN_PAGES = 4

Pages = Mapping[str, list[Paragraph]]


def without_collections(pages: Pages) -> tuple[dict[str, list[Paragraph]], list[str]]:
    """The pages without those that only combine others (a whole manual on one page), and the paths of these."""
    keys = {path: {normalize(paragraph.text) for paragraph in paragraphs} for path, paragraphs in pages.items()}
    pages_with: defaultdict[str, list[str]] = defaultdict(list)
    for path, found in keys.items():
        for key in found:
            pages_with[key].append(path)
    collections = [path for path, found in keys.items() if _is_collection(found, keys, pages_with)]
    return {path: paragraphs for path, paragraphs in pages.items() if path not in collections}, collections


def _is_collection(found: set[str], keys: Mapping[str, set[str]], pages_with: Mapping[str, list[str]]) -> bool:
    """Whether most paragraphs of a page occur on several pages of less than half its size."""
    elsewhere = [other for key in found
                 for other in [next((page for page in pages_with[key] if len(keys[page]) < len(found) / 2), "")]
                 if other]
    return len(elsewhere) >= COPY_SHARE * max(1, len(found)) and len(set(elsewhere)) >= _MIN_PAGES


def without_site_title(pages: Pages) -> dict[str, list[Paragraph]]:
    """The pages without a first heading that most of them share, which names the site rather than the page."""
    first = Counter(paragraphs[0].headings[0] for paragraphs in pages.values() if paragraphs)
    shared = {name for name, count in first.items() if count >= max(MAX_PAGES_SHARING, len(pages) / 2)}
    return {path: [replace(paragraph, headings=paragraph.headings[1:])
                   if len(paragraph.headings) > 1 and paragraph.headings[0] in shared else paragraph
                   for paragraph in paragraphs] for path, paragraphs in pages.items()}


def drop_duplicate_pages(pages: Pages) -> tuple[dict[str, list[Paragraph]], dict[str, str]]:
    """The pages without duplicates, and a mapping from each duplicate to the page that it repeats."""
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


def drop_boilerplate(pages: Pages, left_out: LeftOutSentences | None = None) -> dict[str, list[Paragraph]]:
    """The pages without paragraphs that occur on many of them, whose sentences `left_out` takes."""
    page_counts = Counter(key for paragraphs in pages.values()
                 for key in {normalize(paragraph.text) for paragraph in paragraphs})
    kept: dict[str, list[Paragraph]] = {}
    for path, paragraphs in pages.items():
        kept[path] = []
        for paragraph in paragraphs:
            if page_counts[normalize(paragraph.text)] < MAX_PAGES_SHARING:
                kept[path].append(paragraph)
            elif left_out is not None:
                for sentence in sentences(paragraph.text):
                    left_out.add(BOILERPLATE, path, sentence)
    return kept
