"""Finds a folder's documents, always in the same order. Reads none of them."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

MARKDOWN, TEXT, HTML, PDF = (".md", ".markdown", ".mdx"), (".txt", ".rst"), (".html", ".htm"), (".pdf",)
KINDS = (*MARKDOWN, *TEXT, *HTML, *PDF)
_LICENCE = re.compile(r"(?:^|[-_. ])(?:licen[sc]e|copying|copyright|ofl)(?:$|[-_. ])", re.I)
MAX_FILE_BYTES = 20 * 2**20
# Documents that somebody may expect to be read; pictures, programs and the like are passed over without a word.
_OTHER_DOCUMENTS = (".doc", ".docx", ".odt", ".rtf", ".epub", ".adoc", ".asciidoc", ".ipynb", ".ppt", ".pptx", ".xls",
                    ".xlsx", ".tex", ".org", ".textile", ".wiki", ".xml", ".ps", ".djvu")
_NOT_DOCUMENTS = frozenset(("node_modules", "__pycache__", "CVS", "_darcs", "venv", "site-packages"))
# Files of sites and tools that hold no prose.
_NOT_PAGES = frozenset(("robots.txt", "requirements.txt", "cmakelists.txt", "search.html", "genindex.html", "404.html",
                        "license", "license.txt", "license.md", "license.rst", "licence.md", "copying.txt",
                        "code_of_conduct.md", "top_level.txt", "entry_points.txt", "sitemap.html", "toc.html"))


@dataclass(frozen=True)
class SkippedFile:
    """A file or folder that was left out, or could be read only in part."""

    path: str
    """Relative to the folder."""
    reason: str


def find_documents(folder: Path) -> tuple[list[Path], list[SkippedFile]]:
    """The files to read, sorted by path, and those left out because of what they are."""
    files: list[Path] = []
    skipped: list[SkippedFile] = []
    for path in sorted(_files(folder, skipped), key=lambda found: found.relative_to(folder).parts):
        if reason := _skip_reason(path):
            skipped.append(SkippedFile(path.relative_to(folder).as_posix(), reason))
        elif path.suffix.lower() in KINDS:
            files.append(path)
    return files, skipped


def _files(folder: Path, skipped: list[SkippedFile]) -> Iterator[Path]:
    """Every file that is not hidden; a folder that a link leads to again is entered once."""
    entered = set[str]()

    def unreadable(error: OSError) -> None:
        skipped.append(_skipped(folder, Path(error.filename), "cannot be opened"))

    for place, folders, names in os.walk(folder, followlinks=True, onerror=unreadable):
        real = os.path.realpath(place)
        if real in entered:
            skipped.append(_skipped(folder, Path(place), "a link to a folder that is read already"))
            folders.clear()
            continue
        entered.add(real)
        # A real folder before a link to it, so that pages keep the address that people know.
        folders[:] = sorted((name for name in folders if not name.startswith(".") and name not in _NOT_DOCUMENTS),
                            key=lambda name: (os.path.islink(os.path.join(place, name)), name))
        yield from (Path(place, name) for name in sorted(names) if not name.startswith("."))


def _skip_reason(path: Path) -> str:
    """Why a file is left out without a look into it; empty when it is not, or need not be told."""
    kind = path.suffix.lower()
    if kind in _OTHER_DOCUMENTS:
        return f"a {kind} file: only Markdown, text, reStructuredText, HTML and PDF are read"
    if kind not in KINDS:
        return ""
    if not path.exists():
        return "a link that leads nowhere"
    if not path.is_file():
        return "not a regular file"
    if path.name.lower() in _NOT_PAGES or _LICENCE.search(path.stem):
        return "a licence or a file of tools, not documentation"
    size = path.stat().st_size
    if size > MAX_FILE_BYTES:
        return f"{size / 2**20:.0f} MB: larger than the {MAX_FILE_BYTES // 2**20} MB that a document may have"
    return "" if size else "empty"


def _skipped(folder: Path, path: Path, reason: str) -> SkippedFile:
    return SkippedFile(path.relative_to(folder).as_posix(), reason)
