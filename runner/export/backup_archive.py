"""Back up store, checkpoints and adapters to one archive with hashes, and restore it.

The store is copied first: a row is written after its file, so every file that the copy refers to exists.
Models are left out, because they can be downloaded again; so are logs. Files that are only in the artifact store are
in the archive too.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import tarfile
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO


from runner.artifact_store.errors import ArtifactStoreError
from runner.errors import UserError
from runner.export import archived_file_lists
from store.database import Store, backup, integrity_faults, migrations, open_for_reading, open_store
from store.files import fsync_directory, replace_durably, sha256_of_file, temporary_path
from store.paths import Paths, sqlite_file, sqlite_url

STORE, MANIFEST, FORMAT = "events.db", "manifest.json", 1
FOLDERS = ("runs", "held-out-sets")
_LEFT_OUT = (".tmp", ".new", ".log", ".log.1")


@dataclass(frozen=True)
class Content:
    """Summary of an archive's content."""

    files: int
    size_bytes: int
    made_at: str


class _Hashed(io.RawIOBase):
    """Reads a file while hashing it, up to the size that it had when it was opened."""

    def __init__(self, file: BinaryIO, size: int) -> None:
        self._file, self._left, self.hash = file, size, hashlib.sha256()

    def read(self, count: int = -1) -> bytes:
        data = self._file.read(self._left if count < 0 else min(count, self._left))
        self._left -= len(data)
        self.hash.update(data)
        return data


def write_archive(store: Store, paths: Paths, to: Path) -> Content:
    """Write an archive atomically; runs may be active meanwhile.

    Raises:
        StoreError: the store cannot be copied (PostgreSQL).
        ArtifactStoreError, InvalidAddress: the artifact store has files that are nowhere else, and does not answer.
    """
    to.parent.mkdir(parents=True, exist_ok=True)
    temporary = temporary_path(to)
    files: dict[str, dict[str, Any]] = {}
    try:
        with tempfile.TemporaryDirectory(dir=to.parent, prefix=".backup-") as folder, temporary.open("wb") as raw:
            copy = Path(folder) / STORE
            backup.copy_database(store, copy)
            with tarfile.open(fileobj=raw, mode="w") as tar:
                for name, path in _files_to_archive(copy, paths, Path(folder)):
                    _add(tar, name, path, files)
                manifest = {"format": FORMAT, "made_at": datetime.now(UTC).isoformat(), "files": files,
                            "schema": migrations.CURRENT}
                _add_bytes(tar, MANIFEST, json.dumps(manifest, indent=1).encode())
        replace_durably(temporary, to)
    finally:
        temporary.unlink(missing_ok=True)
    return _content(manifest)


def restore_archive(archive: Path, paths: Paths, force: bool) -> Content:
    """Restore an archive into the data folder; nothing is changed before the whole archive is verified.

    With `force`, existing data is moved to a folder of its own, never deleted.

    Raises:
        UserError: no such archive, a damaged or foreign one, existing data without `force`, or the artifact store
            does not answer; in the last case the archive is restored, and its files are not stored there again.
    """
    target = _store_file(paths)
    existing = [path for path in (target, *(paths.data / name for name in FOLDERS)) if path.exists()]
    if existing and not force:
        raise UserError(f"{existing[0]} already exists: restore into another DATA_DIR, or use --force to move it "
                        "out of the way")
    paths.data.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=paths.data, prefix=".restore-") as name:
        unpacked = Path(name)
        manifest = _unpack(archive, unpacked)
        _move_aside(paths.data, target, existing)
        for folder in FOLDERS:
            if (unpacked / folder).exists():
                (unpacked / folder).replace(paths.data / folder)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(unpacked / STORE, target)  # last, because the store refers to the files
        fsync_directory(paths.data)
        if paths.artifacts:
            store = open_for_reading(paths.store_url)
            try:
                archived_file_lists.store_again(store, paths, unpacked / archived_file_lists.LISTS)
            except ArtifactStoreError as error:
                raise UserError(f"everything is restored in {paths.data}, but {error}: other hosts do not find its "
                                "files; a run stores them again when it goes on here") from error
            finally:
                store.close()
    return _content(manifest)


def _unpack(archive: Path, folder: Path) -> dict[str, Any]:
    """Unpack and verify everything; return the manifest."""
    try:
        with tarfile.open(archive) as tar:
            _extract(tar, folder)
        manifest: dict[str, Any] = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        wanted: dict[str, dict[str, Any]] = manifest["files"]
    except FileNotFoundError as error:
        raise UserError(f"{error.filename or archive} does not exist: give an archive that `backup` made") from error
    except (tarfile.TarError, OSError, ValueError, KeyError) as error:
        raise UserError(f"{archive} is not a complete backup ({error}): nothing was restored") from error
    for name, expected in wanted.items():
        if not (folder / name).is_file() or sha256_of_file(folder / name) != expected["sha256"]:
            raise UserError(f"{archive} is damaged: the hash of {name} differs; nothing was restored")
    store = open_store(sqlite_url(folder / STORE))  # migrates an older store, and refuses a newer one
    faults = integrity_faults(store)
    store.close()
    if faults:
        raise UserError(f"{archive} contains a damaged store ({faults[0]}): nothing was restored")
    for leftover in (f"{STORE}-wal", f"{STORE}-shm"):
        (folder / leftover).unlink(missing_ok=True)
    return manifest


def _extract(tar: tarfile.TarFile, folder: Path) -> None:
    """Extract regular files inside the folder, and refuse anything else.

    `extractall` has a filter for that only since Python 3.11.4, and Debian 12 ships 3.11.2.
    """
    for member in tar:
        target = folder / member.name
        content = tar.extractfile(member) if member.isfile() else None
        if content is None or not target.resolve().is_relative_to(folder.resolve()):
            raise ValueError(f"{member.name} is not a regular file inside it")
        target.parent.mkdir(parents=True, exist_ok=True)
        with content, target.open("xb") as file:
            shutil.copyfileobj(content, file)


def _move_aside(data: Path, target: Path, existing: list[Path]) -> None:
    if not existing:
        return
    aside = data / f"before-restore-{datetime.now(UTC):%Y%m%d-%H%M%S-%f}"
    aside.mkdir()
    for path in (*existing, *(target.with_name(target.name + end) for end in ("-wal", "-shm"))):
        if path.exists():
            shutil.move(path, aside / path.name)


def _files_to_archive(copy: Path, paths: Paths, work: Path) -> Iterator[tuple[str, Path]]:
    """Yield the name in the archive and the path of each file; what is fetched into `work` is there until the next."""
    yield STORE, copy
    for folder in FOLDERS:
        for path in sorted((paths.data / folder).rglob("*")):
            if path.is_file() and not path.name.endswith(_LEFT_OUT):
                yield str(path.relative_to(paths.data)), path
    if paths.artifacts:
        store = open_for_reading(sqlite_url(copy))
        try:
            yield from archived_file_lists.files_to_archive(store, paths, work)
        finally:
            store.close()


def _add(tar: tarfile.TarFile, name: str, path: Path, files: dict[str, dict[str, Any]]) -> None:
    try:
        file = path.open("rb")
    except FileNotFoundError:  # a training checkpoint that was removed meanwhile
        return
    with file:
        info = tarfile.TarInfo(name)
        info.size, info.mtime = os.fstat(file.fileno()).st_size, int(path.stat().st_mtime) if path.exists() else 0
        hashed = _Hashed(file, info.size)
        tar.addfile(info, hashed)  # type: ignore[arg-type]
    files[name] = {"sha256": hashed.hash.hexdigest(), "size_bytes": info.size}


def _add_bytes(tar: tarfile.TarFile, name: str, data: bytes) -> None:
    info = tarfile.TarInfo(name)
    info.size = len(data)
    tar.addfile(info, io.BytesIO(data))


def _store_file(paths: Paths) -> Path:
    file = sqlite_file(paths.store_url)
    if file is None:
        raise UserError("the store is on PostgreSQL: restore it with pg_restore, and the folders from your own backup")
    return file


def _content(manifest: dict[str, Any]) -> Content:
    files = manifest["files"]
    return Content(len(files), sum(file["size_bytes"] for file in files.values()), manifest["made_at"])
