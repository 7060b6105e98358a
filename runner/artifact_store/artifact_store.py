"""Content by its hash: what is read is exactly what was written, or it is refused."""

from __future__ import annotations

import io
import os
import uuid
from collections.abc import Collection
from pathlib import Path

from runner.artifact_store.errors import ArtifactStoreError, UnusableObject
from runner.artifact_store.objects import Objects, copy_hashed
from store.files import replace_durably, sha256_of, temporary_path


class ArtifactStore:
    """Objects named by the SHA-256 of their content."""

    def __init__(self, objects: Objects) -> None:
        self._objects = objects
        self._stored: set[str] = set()

    @property
    def address(self) -> str:
        return self._objects.address

    def assume_stored(self, hashes: Collection[str]) -> None:
        """Upload these no more: an event names them, so they were stored before it was recorded."""
        self._stored.update(hashes)

    def store_file(self, path: Path) -> tuple[str, int]:
        """Store the content that a file has now, and return its hash and size; a file may grow meanwhile.

        What this process does not know to be stored is uploaded, even if an object of that name exists: an upload of
        another process may have been incomplete, and equal content replaces nothing.

        Raises:
            ArtifactStoreError: it could not be stored.
            FileNotFoundError: there is no such file any more.
        """
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            digest, size = copy_hashed(file, None, size)
            if digest not in self._stored:
                file.seek(0)
                if self._objects.write(_key(digest), file, size) != digest:
                    self._objects.delete(_key(digest))
                    raise ArtifactStoreError(f"{path} changed while it was stored")
                self._stored.add(digest)
        return digest, size

    def store_bytes(self, data: bytes) -> str:
        """Store some bytes, and return their hash."""
        digest = sha256_of(data)
        if digest not in self._stored:
            self._objects.write(_key(digest), io.BytesIO(data), len(data))
            self._stored.add(digest)
        return digest

    def read_bytes(self, digest: str) -> bytes:
        """Return the content with this hash.

        Raises:
            UnusableObject: there is none, or the object has other content.
        """
        content = io.BytesIO()
        self._copy(digest, content)
        return content.getvalue()

    def fetch(self, digest: str, to: Path) -> None:
        """Write the content with this hash to a file, atomically.

        Raises:
            UnusableObject: there is none, or the object has other content; nothing was written.
        """
        to.parent.mkdir(parents=True, exist_ok=True)
        temporary = temporary_path(to)
        try:
            with temporary.open("wb") as file:
                self._copy(digest, file)
            replace_durably(temporary, to)
        finally:
            temporary.unlink(missing_ok=True)

    def age_seconds(self, digest: str) -> float | None:
        """Return how long ago this content was stored; None if it is not."""
        return self._objects.age_seconds(_key(digest))

    def delete(self, digest: str) -> None:
        """Delete this content."""
        self._objects.delete(_key(digest))
        self._stored.discard(digest)

    def check(self) -> None:
        """Write an object, read it back, compare, and delete it.

        Raises:
            ArtifactStoreError: any of that failed.
        """
        key, content = f"check-{uuid.uuid4().hex}", os.urandom(64)
        self._objects.write(key, io.BytesIO(content), len(content))
        try:
            with self._objects.read(key) as file:
                found = file.read()
        except FileNotFoundError as error:
            raise ArtifactStoreError(f"{self.address}: what was written is not there") from error
        self._objects.delete(key)
        if found != content:
            raise ArtifactStoreError(f"{self.address}: what was read back is not what was written")

    def _copy(self, digest: str, target: io.BytesIO | io.BufferedWriter) -> None:
        try:
            with self._objects.read(_key(digest)) as source:
                found, size = copy_hashed(source, target)
        except FileNotFoundError as error:
            raise UnusableObject(f"{digest[:12]} is not in {self.address}") from error
        if found != digest:
            raise UnusableObject(f"{digest[:12]} in {self.address} is incomplete or foreign: its {size:,} bytes have "
                                 "another hash")


def _key(digest: str) -> str:
    return f"blobs/{digest}"
