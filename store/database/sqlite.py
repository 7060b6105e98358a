"""Open SQLite database files: library version, file system and locking checks, pragmas, copy before a migration.

All code goes through the one library imported here: two copies of SQLite in one process drop each other's file locks.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import Any

import pysqlite3.dbapi2 as sqlite
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL

from store.database.errors import StoreError

# Releases up to 3.51.2 can corrupt a WAL database when two connections checkpoint at once
# (https://sqlite.org/wal.html, "the WAL-reset bug"); the fix is in 3.51.3 and these back-ports.
_SAFE = (3, 51, 3)
_BACKPORTS = {(3, 50): 7, (3, 44): 6}
_PRAGMAS = ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "busy_timeout=30000",
            "journal_size_limit=67108864", "temp_store=MEMORY")
_READER_PRAGMAS = ("busy_timeout=30000", "query_only=ON")
CACHED_STATEMENTS = 1000
"""More than a process uses. A full cache drops what it took in last. The driver's default of 128 is filled by creating
the schema alone: then every commit prepared the statements of an append anew, 100 of its 300 microseconds."""
# WAL needs shared memory among all processes that open the file, which does not work across machines.
_NETWORK = ("nfs", "cifs", "smb", "afs", "ceph", "lustre", "gluster", "sshfs", "9p", "gpfs", "beegfs", "davfs")
_OPEN_HERE: dict[tuple[int, int], int] = {}
"""Open connections of this process to each file through this library, by (device, inode)."""


def library_version() -> tuple[int, int, int]:
    """Return the version of the SQLite library that the store uses."""
    return sqlite.sqlite_version_info  # type: ignore[no-any-return]


def is_safe(version: tuple[int, int, int]) -> bool:
    """Whether this SQLite release is free of the WAL-reset bug."""
    return version >= _SAFE or version[2] >= _BACKPORTS.get(version[:2], 1000)


def file_of(address: URL) -> Path:
    """Return the database file that a URL names."""
    return Path(address.database or "")


def prepare(file: Path) -> None:
    """Check that data will be durable in this file, and create its folder.

    Raises:
        StoreError: an affected SQLite library, a network file system, a second library on the file, or no permission.
    """
    check_durability(file)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(f"the data folder {file.parent} cannot be made ({error.strerror}): "
                         "give permission, or set DATA_DIR to another folder") from error


def check_durability(file: Path) -> None:
    """Refuse to open a file, for reading or writing, where SQLite could lose data.

    Raises:
        StoreError: an affected SQLite library, a network file system, or a second library on the file.
    """
    if not is_safe(library_version()):
        raise StoreError(f"SQLite {'.'.join(map(str, library_version()))} can corrupt a WAL database: "
                         "install pysqlite3>=0.6.1")
    kind = file_system_of(file)
    if kind.removeprefix("fuse.").startswith(_NETWORK):
        raise StoreError(f"{file} is on a network file system ({kind}), where SQLite's locks cannot be trusted: set "
                         "DATA_DIR to a local folder, or STORE_URL to a PostgreSQL database")
    if _open_elsewhere_in_this_process(file):
        raise StoreError(f"this process has {file} open through another SQLite library, and closing either would "
                         "drop the locks of both: close the other connection first, or use another process")


def file_system_of(path: Path, mounts: str | None = None) -> str:
    """Return the type of file system that a path is on, as the kernel names it; empty where it is unknown."""
    if mounts is None:
        try:
            mounts = Path("/proc/self/mounts").read_text(errors="replace")
        except OSError:
            return ""
    types = {_unescaped(fields[1]): fields[2] for fields in map(str.split, mounts.splitlines()) if len(fields) > 2}
    target = path.resolve()
    return next((types[str(folder)] for folder in (target, *target.parents) if str(folder) in types), "")


def engine_for(address: URL, writes: bool) -> Engine:
    """Create an engine with the driver's implicit BEGIN disabled: `SqliteWriter` begins writes, an event hook reads."""
    engine = create_engine(address, module=sqlite, connect_args={
        "timeout": 30, "check_same_thread": False, "cached_statements": CACHED_STATEMENTS})

    @event.listens_for(engine, "connect")
    def _configure(raw: Any, _record: Any) -> None:
        raw.isolation_level = None  # the driver must not begin transactions itself
        for pragma in _PRAGMAS if writes else _READER_PRAGMAS:
            raw.execute(f"PRAGMA {pragma}")
        _count(address, 1)

    @event.listens_for(engine, "close")
    def _closed(_raw: Any, _record: Any) -> None:
        _count(address, -1)

    if not writes:
        @event.listens_for(engine, "begin")
        def _begin(connection: Connection) -> None:
            connection.exec_driver_sql("BEGIN")

    return engine


def copy_of(file: Path, version: int) -> Path:
    """Return the path of the copy that is saved of a database before its tables of this version are migrated."""
    return file.with_name(f"{file.name}.version-{version}")


def copy_before_migration(file: Path, version: int) -> None:
    """Save a copy of the database next to it before migrating from this version; an existing copy is not replaced.

    Raises:
        StoreError: the copy could not be written.
    """
    copy = copy_of(file, version)
    if copy.exists():
        return
    temporary = copy.with_name(f".{copy.name}.{os.getpid()}.new")
    try:
        with (contextlib.closing(sqlite.connect(file)) as source,
              contextlib.closing(sqlite.connect(temporary)) as target):
            source.backup(target)
        temporary.replace(copy)
    except sqlite.Error as error:
        raise StoreError(f"{file} has tables of version {version} and no copy of it could be saved ({error}), so "
                         "nothing was changed: free disk space, or copy it and use the older program") from error
    finally:
        temporary.unlink(missing_ok=True)


def _unescaped(mount_point: str) -> str:
    """Decode a mount point: the kernel writes spaces in octal."""
    return mount_point.replace("\\040", " ")


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _count(address: URL, change: int) -> None:
    key = _identity(file_of(address))
    if key is not None:
        _OPEN_HERE[key] = _OPEN_HERE.get(key, 0) + change


def _open_elsewhere_in_this_process(file: Path) -> bool:
    """Whether this process has the file open, but not through this library. Detected on Linux only."""
    key = _identity(file)
    if key is None or _OPEN_HERE.get(key, 0) > 0:
        return False
    try:
        descriptors = os.listdir("/proc/self/fd")
    except OSError:
        return False
    return any(_identity(Path("/proc/self/fd") / number) == key for number in descriptors)
