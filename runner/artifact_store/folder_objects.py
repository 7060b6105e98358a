"""Objects as files in a folder: a disk of this machine, or one that several hosts mount."""

from __future__ import annotations

import time
import uuid
from pathlib import Path
from typing import BinaryIO

from runner.artifact_store.errors import ArtifactStoreDenied
from runner.artifact_store.objects import copy_hashed
from store.files import replace_durably


class FolderObjects:
    """Objects in a folder; each is written under a temporary name first, so none is seen incomplete."""

    def __init__(self, folder: Path, address: str) -> None:
        self._folder = folder
        self.address = address

    def write(self, key: str, file: BinaryIO, size: int) -> str:
        path = self._folder / key
        try:
            self._folder.mkdir(exist_ok=True)
        except FileNotFoundError as error:  # perhaps a disk that is not mounted: nothing is written beside it
            raise ArtifactStoreDenied(f"{self.address}: {self._folder.parent} does not exist") from error
        path.parent.mkdir(exist_ok=True)
        # Not `temporary_path`: processes of two hosts may have the same number.
        temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}.tmp")
        try:
            with temporary.open("wb") as target:
                digest, _ = copy_hashed(file, target, size)
            replace_durably(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)
        return digest

    def read(self, key: str) -> BinaryIO:
        try:
            return (self._folder / key).open("rb")
        except FileNotFoundError as error:
            if self._folder.exists():
                raise
            raise ArtifactStoreDenied(f"{self.address} does not exist: is its disk mounted?") from error

    def age_seconds(self, key: str) -> float | None:
        try:
            return time.time() - (self._folder / key).stat().st_mtime
        except FileNotFoundError:
            return None

    def delete(self, key: str) -> None:
        (self._folder / key).unlink(missing_ok=True)
