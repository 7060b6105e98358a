"""Hash the program's own code, so that a node of a cluster with another version takes no run."""

from __future__ import annotations

import functools
import hashlib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("knowledge", "store", "runner")


@functools.cache
def code_sha256() -> str:
    """Return the SHA-256 of all Python files that a worker may import, with their names."""
    digest = hashlib.sha256()
    for folder in FOLDERS:
        for path in sorted((ROOT / folder).rglob("*.py")):
            digest.update(f"{path.relative_to(ROOT)}\0".encode() + path.read_bytes() + b"\0")
    return digest.hexdigest()
