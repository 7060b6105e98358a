"""Everything about SQLite as a file: which library, on which file system, who else has it open, how it is opened.

The one door to the SQLite library: two copies of it in one process drop each other's locks.
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
# WAL needs memory that all who have the file open share, which no machine shares with another.
_NETWORK = ("nfs", "cifs", "smb", "afs", "ceph", "lustre", "gluster", "sshfs", "9p", "gpfs", "beegfs", "davfs")
_OPEN_HERE: dict[tuple[int, int], int] = {}
"""How often this process has each file open through this library, by device and inode."""


def library_version() -> tuple[int, int, int]:
    """The version of the SQLite library that the store runs on."""
    return sqlite.sqlite_version_info  # type: ignore[no-any-return]


def is_safe(version: tuple[int, int, int]) -> bool:
    """Whether this SQLite release is free of the WAL-reset bug."""
    return version >= _SAFE or version[2] >= _BACKPORTS.get(version[:2], 1000)


def file_of(address: URL) -> Path:
    """The database file that an address names."""
    return Path(address.database or "")


def prepare(file: Path) -> None:
    """Refuse what would lose data later, and make the folder.

    Raises:
        StoreError: an affected library, a network file system, a second library on the file, or no permission.
    """
    check_durability(file)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(f"the data folder {file.parent} cannot be made ({error.strerror}): "
                         "give permission, or set DATA_DIR to another folder") from error


def check_durability(file: Path) -> None:
    """The checks that hold for readers too.

    Raises:
        StoreError: an affected library, a network file system, or a second library on the file.
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
    """The kind of file system that a path is on, as the kernel names it; empty where it does not say."""
    if mounts is None:
        try:
            mounts = Path("/proc/self/mounts").read_text(errors="replace")
        except OSError:
            return ""
    kinds = {_plain(fields[1]): fields[2] for fields in map(str.split, mounts.splitlines()) if len(fields) > 2}
    place = path.resolve()
    return next((kinds[str(folder)] for folder in (place, *place.parents) if str(folder) in kinds), "")


def engine_for(address: URL, writes: bool) -> Engine:
    """An engine whose transactions begin when they are told to: a writer's by its holder, a reader's by itself."""
    engine = create_engine(address, module=sqlite, connect_args={"timeout": 30, "check_same_thread": False})

    @event.listens_for(engine, "connect")
    def _configure(raw: Any, _record: Any) -> None:
        raw.isolation_level = None  # the driver must not begin transactions of its own
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
    """Where the copy is that is kept of a database before its tables of this version are changed."""
    return file.with_name(f"{file.name}.version-{version}")


def copy_before_migration(file: Path, version: int) -> None:
    """A copy of the database beside it, as it was under this version of its tables; an earlier such copy stays."""
    copy = copy_of(file, version)
    if copy.exists():
        return
    aside = copy.with_name(f".{copy.name}.{os.getpid()}.new")
    try:
        with contextlib.closing(sqlite.connect(file)) as source, contextlib.closing(sqlite.connect(aside)) as target:
            source.backup(target)
        aside.replace(copy)
    except sqlite.Error as error:
        raise StoreError(f"{file} has tables of version {version} and no copy of it could be kept ({error}), so "
                         "nothing was changed: make room, or copy it and use the older program") from error
    finally:
        aside.unlink(missing_ok=True)


def _plain(mount_point: str) -> str:
    """A mount point as a path: the kernel writes blanks in octal."""
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
    """Whether descriptors of this process lead to the file though this library has it not open. Linux only."""
    key = _identity(file)
    if key is None or _OPEN_HERE.get(key, 0) > 0:
        return False
    try:
        descriptors = os.listdir("/proc/self/fd")
    except OSError:
        return False
    return any(_identity(Path("/proc/self/fd") / number) == key for number in descriptors)
