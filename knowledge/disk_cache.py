"""What was worked out of files that hardly ever change, kept as JSON in the user's cache folder.

A file is named by a hash of all that its content follows from, the code included, so it is never stale. It may be
removed at any time, and where nothing may be written it is worked out again in every process.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

PACKAGE = Path(__file__).parent
_MAX_ENTRIES = 3
"""Of one name: several versions of the program may be in use."""


def input_digest(files: Iterable[Path], *more: str) -> str:
    """One hash over the contents of files, in their order, and over all code of this package."""
    digest = hashlib.sha256("\n".join(more).encode())
    for file in (*sorted(PACKAGE.rglob("*.py")), *files):
        digest.update(f"\n{file.name}\n".encode())
        digest.update(file.read_bytes())
    return digest.hexdigest()[:16]


def cached(name: str, digest: str, work_out: Callable[[], Any]) -> Any:
    """What was kept under this name and hash; else it is worked out, and kept where that can be done.

    Args:
        digest: another one whenever anything is another that the content follows from (`input_digest`).
        work_out: gives JSON values; called where nothing was kept.
    """
    with contextlib.suppress(OSError, ValueError, RuntimeError):
        return json.loads(_cache_path(name, digest).read_bytes())
    found = work_out()
    with contextlib.suppress(OSError, RuntimeError):
        _store(_cache_path(name, digest), name, found)
    return found


def _cache_path(name: str, digest: str) -> Path:
    return cache_folder() / f"{name}.{digest}.json"


def cache_folder() -> Path:
    """Where programs of this user keep what they can make again (XDG Base Directory).

    Raises:
        RuntimeError: nobody knows where the user's home is.
    """
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "knowledge-distillation"


def _store(place: Path, name: str, found: Any) -> None:
    """Under its own name all at once; what was kept under earlier hashes is gone but for the newest few."""
    place.parent.mkdir(parents=True, exist_ok=True)
    new = place.with_name(f".{place.name}.{os.getpid()}.new")
    new.write_text(json.dumps(found, ensure_ascii=False), encoding="utf-8")
    new.replace(place)
    all_kept = sorted(place.parent.glob(f"{name}.*.json"), key=lambda file: file.stat().st_mtime)
    for earlier in all_kept[:-_MAX_ENTRIES]:
        earlier.unlink(missing_ok=True)
