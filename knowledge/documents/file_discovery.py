"""Find a folder's documents, always in the same order, without reading them."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

MARKDOWN, TEXT, HTML, PDF = (".md", ".markdown", ".mdx"), (".txt", ".rst"), (".html", ".htm"), (".pdf",)
ASCIIDOC, NOTEBOOK, WORD, SLIDES, EPUB = (".adoc", ".asciidoc"), (".ipynb",), (".docx",), (".pptx",), (".epub",)
SCHEMA = (".json", ".yaml", ".yml")
"""Read where they are OpenAPI files, JSON Schemas or custom resources; others are data and settings."""
KINDS = (*MARKDOWN, *TEXT, *HTML, *PDF, *ASCIIDOC, *NOTEBOOK, *WORD, *SLIDES, *EPUB, *SCHEMA)
KINDS_IN_WORDS = "Markdown, text, reStructuredText, AsciiDoc, HTML, PDF, Word (.docx), PowerPoint (.pptx), EPUB, " \
                 "notebook, OpenAPI and JSON Schema files"
_LICENCE = re.compile(r"(?:^|[-_. ])(?:licen[sc]e|copying|copyright|ofl)(?:$|[-_. ])", re.I)
MAX_FILE_BYTES = 20 * 2**20
MAX_PACKED_BYTES = 100 * 2**20
"""Of kinds that carry images, which are most of a large file and are not read."""
# Document formats that are reported as skipped; images, programs and the like are skipped silently.
_OTHER_DOCUMENTS = (".doc", ".odt", ".rtf", ".ppt", ".xls", ".xlsx", ".ods", ".odp", ".csv", ".tsv",
                    ".tex", ".org", ".textile", ".wiki", ".xml", ".ps", ".djvu", ".pages", ".key", ".numbers", ".msg",
                    ".eml")
_ARCHIVE = re.compile(r"\.(?:zip|tar|tgz|tbz2|txz|tar\.(?:gz|bz2|xz))$", re.I)
_OTHER_ARCHIVE = re.compile(r"\.(?:7z|rar|tzst|tar\.(?:zst|lz4?))$", re.I)
_NOT_DOCUMENTS = frozenset(("node_modules", "__pycache__", "CVS", "_darcs", "venv", "site-packages"))
# Files of sites and tools without prose.
_NOT_PAGES = frozenset(("robots.txt", "requirements.txt", "cmakelists.txt", "search.html", "genindex.html", "404.html",
                        "license", "license.txt", "license.md", "license.rst", "licence.md", "copying.txt",
                        "code_of_conduct.md", "top_level.txt", "entry_points.txt", "sitemap.html", "toc.html"))


@dataclass(frozen=True)
class SkippedFile:
    """A file or folder that was skipped or only partly read."""

    path: str
    """Relative to the folder."""
    reason: str


def find_documents(folder: Path) -> tuple[list[Path], list[SkippedFile]]:
    """The files to read, sorted by path, and the skipped ones with the reason."""
    files: list[Path] = []
    skipped: list[SkippedFile] = []
    for path in sorted(_files(folder, skipped), key=lambda found: found.relative_to(folder).parts):
        if reason := _skip_reason(path):
            skipped.append(_skipped(folder, path, reason))
        elif path.suffix.lower() in KINDS:
            files.append(path)
    return files, skipped


def _files(folder: Path, skipped: list[SkippedFile]) -> Iterator[Path]:
    """All files that are not hidden, following links; each real folder is visited once."""
    visited = set[str]()

    def unreadable(error: OSError) -> None:
        skipped.append(_skipped(folder, Path(error.filename), "cannot be opened"))

    for parent, folders, names in os.walk(folder, followlinks=True, onerror=unreadable):
        real = os.path.realpath(parent)
        if real in visited:
            skipped.append(_skipped(folder, Path(parent), "a link to a folder that is read already"))
            folders.clear()
            continue
        visited.add(real)
        # A real folder before links to it, so that pages keep their usual path.
        folders[:] = sorted((name for name in folders if not name.startswith(".") and name not in _NOT_DOCUMENTS),
                            key=lambda name: (os.path.islink(os.path.join(parent, name)), name))
        yield from (Path(parent, name) for name in sorted(names) if not name.startswith("."))


def _skip_reason(path: Path) -> str:
    """Why a file is skipped without reading it; empty if it is not, or if this need not be reported."""
    kind = path.suffix.lower()
    if _ARCHIVE.search(path.name):
        return "an archive in the folder: unpack it there, or name it as the documents"
    if _OTHER_ARCHIVE.search(path.name):
        return "an archive in the folder: unpack it there"
    if kind in _OTHER_DOCUMENTS:
        return f"a {kind} file: only {KINDS_IN_WORDS} are read"
    if kind not in KINDS:
        return ""
    if not path.exists():
        return "a link that leads nowhere"
    if not path.is_file():
        return "not a regular file"
    if path.name.lower() in _NOT_PAGES or _LICENCE.search(path.stem):
        return "a licence or a file of tools, not documentation"
    size, most = path.stat().st_size, MAX_PACKED_BYTES if kind in (*PDF, *WORD, *SLIDES, *EPUB) else MAX_FILE_BYTES
    if size > most:
        return f"{size / 2**20:.0f} MB: larger than the {most // 2**20} MB that such a document may have"
    return "" if size or kind in SCHEMA else "empty"


def _skipped(folder: Path, path: Path, reason: str) -> SkippedFile:
    return SkippedFile(name_within(folder, path), reason)


def name_within(folder: Path, path: Path) -> str:
    """A file's path within a folder, as text that can be stored; bytes that are no UTF-8 are written as escapes."""
    return path.relative_to(folder).as_posix().encode("utf-8", "backslashreplace").decode()
