"""Keep what people upload in the data folder: documents as a folder, questions as JSON lines, each named by its hash.

Everything is written beside its place and then renamed: an upload that breaks off leaves nothing in it, and what a
killed process left beside it is removed by the runner (`unfinished_uploads`). The same content has the same place.
"""

from __future__ import annotations

import contextlib
import json
import re
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from knowledge.question_sets import (
    QuestionRow, QuestionSets, RowsRead, check_question_sets, columns_of, read_rows,
)
from store.files import fsync_directory, sha256_of, write_atomic
from store.permissions import Role, require_permission
from store.unfinished_uploads import unfinished_folder

MOST_FILE_BYTES = 200_000_000
MOST_FILES = 2_000
_NOT_IN_A_NAME = re.compile(r"[^\w. -]+")


class UploadRefused(ValueError):
    """Something uploaded cannot be kept; the message names the file and the way out, and nothing was kept."""


@dataclass(frozen=True)
class UploadedFile:
    """A file as it came."""

    name: str
    data: bytes


@dataclass(frozen=True)
class KeptDocuments:
    """A folder of uploaded documents."""

    folder: Path
    files: int
    sha256: str
    """Over the names and hashes of its files."""


def keep_documents(uploads: Path, files: Sequence[UploadedFile], name: str = "", role: Role = Role.OPERATOR
                   ) -> KeptDocuments:
    """Write documents to a folder of the data folder, with their hashes beside it.

    Args:
        uploads: the folder of all uploads.
        files: each with a name; a name that comes twice with other content is refused.
        name: what the folder is called; empty takes the first file's.
        role: of the person.

    Raises:
        PermissionDenied: the role may not launch runs.
        UploadRefused: no file, an empty or too large one, too many, or two of one name.
    """
    require_permission(role, "launch")
    if not files:
        raise UploadRefused("no document was chosen: choose one file at least")
    if len(files) > MOST_FILES:
        raise UploadRefused(f"{len(files):,} documents are too many for an upload: use {MOST_FILES:,} at most, or name "
                            "a folder of this machine")
    hashes: dict[str, str] = {}
    for file in files:
        _require_size(file)
        safe, digest = safe_name(file.name), sha256_of(file.data)
        if hashes.get(safe, digest) != digest:
            raise UploadRefused(f"two documents are called {safe!r} and differ: rename one of them")
        hashes[safe] = digest
    lines = "".join(f"{digest}  {name}\n" for name, digest in sorted(hashes.items()))
    digest = sha256_of(lines.encode())
    title = safe_name(name or Path(files[0].name).stem)
    folder = uploads / "documents" / f"{title}-{digest[:8]}"
    if not folder.exists():
        with unfinished_folder(folder.parent) as work:
            for file in files:
                write_atomic(work / safe_name(file.name), file.data)
            write_atomic(folder.with_name(f"{folder.name}.sha256"), lines.encode())
            work.chmod(0o755)
            work.rename(folder)
            fsync_directory(folder.parent)
    return KeptDocuments(folder, len(hashes), digest)


@dataclass(frozen=True)
class QuestionUpload:
    """A file of questions and answers, with the columns that people chose."""

    file: UploadedFile
    columns: Mapping[str, str]
    """Field of a row -> the column that holds it."""


@dataclass(frozen=True)
class CheckedQuestions:
    """The rows of a practice set and of a test as they were read, and the sets that they make."""

    practice: RowsRead | None
    test: RowsRead | None
    sets: QuestionSets


def columns_of_upload(file: UploadedFile) -> list[str]:
    """Return the names of the columns of an uploaded file.

    Raises:
        FaultyQuestions: it cannot be read.
        UploadRefused: it is empty or too large.
    """
    with _as_path(file) as path:
        return columns_of(path)


def read_upload(upload: QuestionUpload) -> RowsRead:
    """Read the rows of an uploaded file.

    Raises:
        FaultyQuestions: it cannot be read.
        UploadRefused: it is empty or too large.
    """
    with _as_path(upload.file) as path:
        return read_rows(path, upload.columns)


@contextlib.contextmanager
def _as_path(file: UploadedFile) -> Iterator[Path]:
    _require_size(file)
    with tempfile.TemporaryDirectory() as passing:
        path = Path(passing) / safe_name(file.name)
        path.write_bytes(file.data)
        yield path


def check_uploads(practice: QuestionUpload | None, test: QuestionUpload | None) -> CheckedQuestions:
    """Read and check a practice set and a test.

    Raises:
        FaultyQuestions: with a sentence for each faulty row, and for each test question that nearly repeats a practice
            question.
        UploadRefused: a file is empty or too large.
    """
    of_practice, of_test = (read_upload(one) if one else None for one in (practice, test))
    return CheckedQuestions(of_practice, of_test, check_question_sets(of_practice, of_test))


def keep_questions(uploads: Path, read: RowsRead, role: Role = Role.OPERATOR) -> Path:
    """Write the rows of a checked file as JSON lines, each at its own line; return the path.

    Raises:
        PermissionDenied: the role may not launch runs.
    """
    require_permission(role, "launch")
    data = _at_their_lines(read.rows).encode()
    path = uploads / "questions" / f"{safe_name(Path(read.name).stem)}-{sha256_of(data)[:8]}.jsonl"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(path, data)
    return path


def safe_name(name: str) -> str:
    """Return a file's name without folders, and without characters that a file system or a shell might mistake."""
    last = PurePosixPath(name.replace("\\", "/")).name
    return _NOT_IN_A_NAME.sub("_", last).strip(". ")[-120:] or "file"


def _at_their_lines(rows: Sequence[QuestionRow]) -> str:
    """Return JSON lines with each row at the line that it had, so that messages about the run name the same row."""
    lines: list[str] = []
    for row in rows:
        values = {name: getattr(row, name) for name in ("question", "answer", "passage", "topic", "split")}
        lines += [""] * (row.row - 1 - len(lines)) + [json.dumps(values, ensure_ascii=False)]
    return "".join(f"{line}\n" for line in lines)


def _require_size(file: UploadedFile) -> None:
    if not file.data:
        raise UploadRefused(f"{file.name} is empty: the upload may have broken off; choose it again")
    if len(file.data) > MOST_FILE_BYTES:
        raise UploadRefused(f"{file.name} has {len(file.data):,} bytes: use {MOST_FILE_BYTES:,} at most")
