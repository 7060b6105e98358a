"""Write a run's training and test sets to a folder: chats, JSON lines, CSV and Parquet, with a data card."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from runner.export.errors import CannotExport
from store import queries
from store.database import Store
from store.dataset_files import NothingToExport, dataset_files
from store.files import fsync_directory
from store.program_name import NAME
from store.queries.dataset_items import dataset_content


@dataclass(frozen=True)
class ExportedDataset:
    """What was written."""

    folder: Path
    rows: dict[str, int]
    """Part -> number of its rows."""
    left_out: int
    """Questions without a reference, which are in no file."""


def export_dataset(store: Store, run: str, to: Path, version: int | None = None) -> ExportedDataset:
    """Write both sets to a new folder, atomically; what people rejected is left out.

    Args:
        store: the store.
        run: the run's id.
        to: the folder.
        version: of the sets; None is the newest, with all corrections, 1 is what the run used.

    Raises:
        CannotExport: no such run, nothing to export, or the folder is not empty.
    """
    found = queries.find_run(store, run)
    if found is None:
        raise CannotExport(f"no run {run!r}: list them with '{NAME} status'")
    if to.exists() and (not to.is_dir() or any(to.iterdir())):
        raise CannotExport(f"{to} already exists: choose a new folder")
    content = dataset_content(store, run, version)
    versions = content.review.versions
    if version is not None and version > max(versions.values(), default=1):
        raise CannotExport(f"run {run} has no version {version}: the newest is {max(versions.values(), default=1)}")
    try:
        made = dataset_files(found, content)
    except NothingToExport as error:
        raise CannotExport(str(error)) from error
    to.parent.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(prefix=f".{to.name}-", dir=to.parent))
    try:
        for name, data in made.contents.items():
            path = work / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        work.chmod(0o755)
        if to.exists():
            to.rmdir()
        work.rename(to)
        fsync_directory(to.parent)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return ExportedDataset(to, made.rows, made.left_out)
