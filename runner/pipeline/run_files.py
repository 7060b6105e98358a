"""The files of one run as a list of hashes: what is stored of its folder, and how it is laid down elsewhere.

The list is itself an object of the artifact store, named by the hash that an event records. Logs, temporary files and
incomplete training checkpoints are left out.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from runner.artifact_store.artifact_store import ArtifactStore
from runner.artifact_store.errors import ArtifactStoreError, UnusableObject
from runner.student.checkpoint_files import FOLDER, RECORD, SEAL
from store.files import sha256_of_file

PROBE_FOLDER, PARTS = "speed-probe", ".parts.jsonl"
_LEFT_OUT = (".tmp", ".new", ".log", ".log.1", ".set-aside")
_TRIES = 5


@dataclass(frozen=True)
class StoredFile:
    """A file of a run."""

    path: str
    """Relative to the run's folder."""
    sha256: str
    size_bytes: int


@dataclass(frozen=True)
class FileList:
    """The files of a run, and the hash of this list."""

    sha256: str
    files: tuple[StoredFile, ...]
    test_set: StoredFile | None = None
    """The shared test set that the run answers, relative to the data folder; None if it has none."""

    @property
    def size_bytes(self) -> int:
        return sum(file.size_bytes for file in self.files)

    @property
    def hashes(self) -> set[str]:
        """Of the list, and of everything that it names."""
        return {self.sha256, *(file.sha256 for file in (*self.files, *([self.test_set] if self.test_set else [])))}


@dataclass
class RunFiles:
    """Stores the files of a run's folder; a file that has not changed is read once."""

    artifacts: ArtifactStore
    folder: Path
    test_set: Path | None = None
    """The file of the shared test set that the run answers; it exists once the first run has written it."""
    _known: dict[tuple[str, int, int, int], tuple[str, int]] = field(default_factory=dict)

    def store(self) -> FileList:
        """Store the folder as it is now.

        Raises:
            ArtifactStoreError: it could not be stored, or it did not stay as it was for long enough.
        """
        for _ in range(_TRIES):
            try:
                files = tuple(sorted((self._store_file(path, self.folder) for path in files_to_store(self.folder)),
                                     key=lambda file: file.path))
            except FileNotFoundError:  # a training checkpoint that was removed meanwhile
                continue
            shared = self._store_file(self.test_set, self.test_set.parents[1]) \
                if self.test_set and self.test_set.exists() else None
            body = {"files": [asdict(file) for file in files], "test_set": asdict(shared) if shared else None}
            return FileList(self.artifacts.store_bytes(json.dumps(body, indent=1).encode()), files, shared)
        raise ArtifactStoreError(f"{self.folder}: its files changed while they were stored")

    def _store_file(self, path: Path, folder: Path) -> StoredFile:
        status = path.stat()
        key = str(path), status.st_ino, status.st_mtime_ns, status.st_size
        if key not in self._known:
            self._known[key] = self.artifacts.store_file(path)
        return StoredFile(str(path.relative_to(folder)), *self._known[key])


def files_to_store(folder: Path) -> Iterator[Path]:
    """Yield the files of a run that another host needs; those that refer to others first.

    So every file that a stored one refers to is read after it, and is complete.
    """
    found = [path for path in folder.rglob("*") if path.is_file() and _is_needed(path.relative_to(folder), folder)]
    yield from sorted(found, key=lambda path: (path.suffix not in (".json", ".jsonl"), path))


def _is_needed(path: Path, folder: Path) -> bool:
    if path.name.endswith(_LEFT_OUT) or PROBE_FOLDER in path.parts or any(part.startswith(".") for part in path.parts):
        return False
    if path.name.endswith(PARTS):  # of a stage that has not finished
        return not (folder / path).with_name(path.name.removesuffix(PARTS) + ".json").exists()
    if FOLDER not in path.parts:
        return True
    adapter = folder.joinpath(*path.parts[:path.parts.index(FOLDER)])
    return not (adapter / RECORD).exists() and _newest_complete(adapter / FOLDER) in (folder / path).parents


def _newest_complete(checkpoints: Path) -> Path | None:
    """Return the newest complete checkpoint of a training, from which it would resume."""
    complete = [seal.parent for seal in checkpoints.glob(f"checkpoint-*/{SEAL}")]
    return max(complete, key=lambda path: int(path.name.rpartition("-")[2]), default=None)


def read_list(artifacts: ArtifactStore, digest: str) -> FileList:
    """Read a list of files.

    Raises:
        UnusableObject: it is missing, damaged, or names a file outside of the run's folder.
    """
    try:
        body = json.loads(artifacts.read_bytes(digest))
        files = tuple(StoredFile(**item) for item in body["files"])
        shared = StoredFile(**body["test_set"]) if body["test_set"] else None
    except (ValueError, KeyError, TypeError) as error:
        raise UnusableObject(f"{digest[:12]} in {artifacts.address} is no list of files") from error
    for file in files:
        if Path(file.path).is_absolute() or ".." in Path(file.path).parts:
            raise UnusableObject(f"{digest[:12]} in {artifacts.address} names {file.path}, outside of the run")
    return FileList(digest, files, shared)


def lay_down(artifacts: ArtifactStore, files: Sequence[StoredFile], folder: Path, keep_progress: bool) -> list[str]:
    """Write stored files into a run's folder where it lacks them or has others; return why some could not be used.

    Args:
        artifacts: where they are stored.
        files: what to write.
        folder: the run's folder.
        keep_progress: leave results of unfinished stages that are there already: they are of this host, and newer.
    """
    faults = []
    for file in files:
        path = folder / file.path
        if path.is_file() and ((keep_progress and _is_progress(path)) or sha256_of_file(path) == file.sha256):
            continue
        try:
            artifacts.fetch(file.sha256, path)
        except UnusableObject as error:
            faults.append(f"{file.path}: {error}")
    return faults


def _is_progress(path: Path) -> bool:
    return path.name.endswith(PARTS) or FOLDER in path.parts
