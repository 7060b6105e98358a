"""Disk cache for results computed from rarely changing files: JSON in the user's cache folder.

A cache file is named by a hash of all inputs, the code included, so it is never stale. It may be deleted at any time;
if the folder is not writable, the result is computed again in every process.
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
"""Per name; several versions of the program may be in use."""


def input_digest(files: Iterable[Path], *more: str) -> str:
    """A hash of the files' names and contents, in the given order, of `more`, and of all code of this package."""
    digest = hashlib.sha256("\n".join(more).encode())
    for file in (*sorted(PACKAGE.rglob("*.py")), *files):
        digest.update(f"\n{file.name}\n".encode())
        digest.update(file.read_bytes())
    return digest.hexdigest()[:16]


def cached(name: str, digest: str, compute: Callable[[], Any]) -> Any:
    """The cached result for this name and digest; otherwise computed, and cached if possible.

    Args:
        name: prefix of the cache file's name.
        digest: hash of all inputs (`input_digest`).
        compute: returns JSON values; called on a cache miss.
    """
    with contextlib.suppress(OSError, ValueError, RuntimeError):
        return json.loads(_cache_path(name, digest).read_bytes())
    result = compute()
    with contextlib.suppress(OSError, RuntimeError):
        _store(_cache_path(name, digest), name, result)
    return result


def _cache_path(name: str, digest: str) -> Path:
    return cache_folder() / f"{name}.{digest}.json"


def cache_folder() -> Path:
    """The cache folder of this user (XDG Base Directory).

    Raises:
        RuntimeError: the user's home directory is unknown.
    """
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "knowledge-distillation"


def _store(path: Path, name: str, result: Any) -> None:
    """Write the cache file atomically; delete all but the newest few of this name."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.new")
    temporary.write_text(json.dumps(result, ensure_ascii=False), encoding="utf-8")
    temporary.replace(path)
    entries = sorted(path.parent.glob(f"{name}.*.json"), key=lambda file: file.stat().st_mtime)
    for earlier in entries[:-_MAX_ENTRIES]:
        earlier.unlink(missing_ok=True)
