"""The interface of what holds objects by key: a folder or a bucket."""

from __future__ import annotations

import hashlib
from contextlib import AbstractContextManager
from typing import BinaryIO, Protocol

BLOCK_BYTES = 4_000_000


class Readable(Protocol):
    """What can be read from front to back."""

    def read(self, size: int = -1, /) -> bytes:
        """Return the next bytes, at most `size`; none at the end."""


class Objects(Protocol):
    """Objects by key. One that does not answer or is not there is an ArtifactStoreError, a full disk an OSError."""

    address: str
    """As configured; it holds no secret."""

    def write(self, key: str, file: BinaryIO, size: int) -> str:
        """Write the next `size` bytes of a file; they can be read when this returns. Return their SHA-256."""

    def read(self, key: str) -> AbstractContextManager[Readable]:
        """Open an object; FileNotFoundError if there is none."""

    def age_seconds(self, key: str) -> float | None:
        """Return how long ago an object was written; None if there is none."""

    def delete(self, key: str) -> None:
        """Delete an object, if it exists."""


def copy_hashed(source: Readable, target: BinaryIO | None, size: int | None = None) -> tuple[str, int]:
    """Copy a file to another, or nowhere, in blocks; return SHA-256 and size of what was copied.

    Args:
        source: is read from its position.
        target: None only hashes.
        size: the most bytes to copy; None copies all.
    """
    digest, copied = hashlib.sha256(), 0
    while block := source.read(BLOCK_BYTES if size is None else min(BLOCK_BYTES, size - copied)):
        digest.update(block)
        copied += len(block)
        if target is not None:
            target.write(block)
    return digest.hexdigest(), copied
