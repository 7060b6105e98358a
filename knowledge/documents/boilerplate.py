"""Find text that pages share, by the checksums of their paragraphs: duplicate pages, collections, boilerplate. Pure.

Only checksums that several pages have are looked at, and of each only some pages, so that the work grows with the
number of paragraphs and not with the square of the number of pages.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Sequence

import numpy as np

from knowledge.documents.page_spool import SpooledPage

# A paragraph on this many pages is boilerplate, such as a footer or a licence.
MAX_PAGES_SHARING = 3
BOILERPLATE = f"in a paragraph that {MAX_PAGES_SHARING} pages or more share"
# A page that shares this much with an earlier page is another edition or rendering of it.
COPY_SHARE = 0.8
_MIN_PAGES = 4
_MOST_PAGES = 50
"""Pages with one checksum that are looked at: what more of them share is boilerplate, and no sign of a copy."""


def keys_on(pages: Sequence[SpooledPage], least: int) -> frozenset[int]:
    """The checksums that at least so many pages have."""
    if not pages:
        return frozenset()
    found, counts = np.unique(np.concatenate([np.unique(np.asarray(page.keys, dtype=np.uint64)) for page in pages]),
                              return_counts=True)
    return frozenset(found[counts >= least].tolist())


def collections(pages: Sequence[SpooledPage]) -> list[str]:
    """The paths of pages that only combine others, such as a whole manual on one page."""
    shared = keys_on(pages, 2)
    smallest: defaultdict[int, list[SpooledPage]] = defaultdict(list)
    for page in sorted(pages, key=lambda page: page.distinct):
        for key in shared.intersection(page.keys):
            if len(smallest[key]) < _MOST_PAGES:
                smallest[key].append(page)
    return [page.path for page in pages if _is_collection(page, shared, smallest)]


def _is_collection(page: SpooledPage, shared: frozenset[int],
                   smallest: defaultdict[int, list[SpooledPage]]) -> bool:
    """Whether most paragraphs of a page occur on several pages of less than half its size."""
    of_page = shared.intersection(page.keys)
    if len(of_page) < COPY_SHARE * max(1, page.distinct):
        return False
    elsewhere = [other.path for key in of_page
                 for other in [next((one for one in smallest[key] if one.distinct < page.distinct / 2), None)] if other]
    return len(elsewhere) >= COPY_SHARE * max(1, page.distinct) and len(set(elsewhere)) >= _MIN_PAGES


def copies(pages: Sequence[SpooledPage]) -> dict[str, str]:
    """Each page that repeats an earlier one -> that page."""
    found: dict[str, str] = {}
    shared = keys_on(pages, 2)
    seen: defaultdict[int, list[str]] = defaultdict(list)
    for page in pages:
        of_page = shared.intersection(page.keys)
        everywhere = {key for key in of_page if len(seen[key]) >= _MOST_PAGES}
        own = page.distinct - len(everywhere)
        common = Counter(earlier for key in of_page - everywhere for earlier in seen[key])
        nearest, count = max(common.items(), key=lambda entry: entry[1], default=("", 0))
        if page.distinct >= _MIN_PAGES and own and count >= COPY_SHARE * own:
            found[page.path] = nearest
            continue
        for key in of_page - everywhere:
            seen[key].append(page.path)
    return found


def site_titles(pages: Collection[SpooledPage]) -> frozenset[str]:
    """First headings that most pages share, which name the site rather than a page."""
    first = Counter(page.first_heading for page in pages if page.keys)
    return frozenset(name for name, count in first.items() if count >= max(MAX_PAGES_SHARING, len(pages) / 2))
