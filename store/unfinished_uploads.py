"""Write an upload's folder under a lock, and remove what a killed process left of one.

The kernel releases the lock however its process ends, so a folder whose lock is free belongs to nobody.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from store.file_locks import AVAILABLE, try_lock

PREFIX = ".upload-"
"""How the folder begins in which documents are written until they are complete."""
YOUNG_SECONDS = 60.0
"""Files without a lock, and folders that are still empty, are spared until they are so old."""
_OLD_SECONDS = 86_400.0


@contextlib.contextmanager
def unfinished_folder(parent: Path) -> Iterator[Path]:
    """Make a folder to write an upload in, locked; what is not renamed is removed at the end."""
    parent.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(prefix=PREFIX, dir=parent))
    try:
        with _lock(work):
            yield work
    finally:
        shutil.rmtree(work, ignore_errors=True)


def remove_unfinished(uploads: Path) -> int:
    """Remove what uploads of killed processes left; return the count. An upload that goes on is spared.

    Args:
        uploads: the folder of all uploads.
    """
    removed = 0
    for folder in (uploads / "documents").glob(f"{PREFIX}*"):
        with contextlib.suppress(FileNotFoundError), _lock(folder) as free:
            # Between the making of a folder and its lock nobody holds it, and it is empty.
            if free and (any(folder.iterdir()) or _age(folder) > YOUNG_SECONDS):
                shutil.rmtree(folder, ignore_errors=True)
                removed += 1
    for file in [*uploads.glob("*/.*.tmp"), *(uploads / "documents").glob("*.sha256")]:
        with contextlib.suppress(FileNotFoundError):
            unused = file.suffix == ".tmp" or not file.with_suffix("").exists()
            if unused and _age(file) > YOUNG_SECONDS:
                file.unlink()
                removed += 1
    return removed


@contextlib.contextmanager
def _lock(folder: Path) -> Iterator[bool]:
    """Hold a folder's lock; yield whether it was free."""
    if not AVAILABLE:  # age alone tells that nobody writes any more
        yield _age(folder) > _OLD_SECONDS
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        yield try_lock(descriptor)
    finally:
        os.close(descriptor)


def _age(path: Path) -> float:
    return time.time() - path.stat().st_mtime
