"""Unpack a zip or tar archive into a new folder: files with plain relative names only, within bounds."""

from __future__ import annotations

import stat
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from lzma import LZMAError
from pathlib import Path, PurePosixPath
from typing import IO, Any

from knowledge.sources import limits
from knowledge.sources.address import NoSuchDocuments

_BLOCK = 2**20
_BROKEN = (zipfile.BadZipFile, tarfile.TarError, zlib.error, LZMAError, EOFError, NotImplementedError, RuntimeError,
           ValueError)


@dataclass(frozen=True)
class _Member:
    """An entry of an archive; a file is opened, a folder is not."""

    name: str
    opened: AbstractContextManager[IO[bytes]] | None


def unpack(archive: Path, to: Path) -> None:
    """Unpack an archive.

    Args:
        archive: the file.
        to: a folder that does not exist.

    Raises:
        NoSuchDocuments: it cannot be read, is too large, or holds names or kinds of files that are not unpacked.
        OSError: the folder cannot be written.
    """
    to.mkdir(parents=True)
    written = files = 0
    try:
        for member in _zip_members(archive) if zipfile.is_zipfile(archive) else _tar_members(archive):
            files += 1
            if files > limits.MOST_FILES:
                raise NoSuchDocuments(limits.too_many_files(str(archive)))
            if member.opened is None and PurePosixPath(member.name) == PurePosixPath():
                continue  # `./`, with which tar begins where it packs the current folder
            path = to / _checked(archive, member.name)
            if member.opened is None:
                continue
            path.parent.mkdir(parents=True, exist_ok=True)
            with member.opened as source, path.open("xb") as file:
                while block := source.read(_BLOCK):
                    written += len(block)
                    if written > limits.MOST_BYTES:
                        raise NoSuchDocuments(limits.too_many_bytes(str(archive)))
                    file.write(block)
    except NoSuchDocuments:
        raise
    except (FileExistsError, NotADirectoryError, IsADirectoryError) as error:
        raise NoSuchDocuments(f"{archive}: two files of it have one name: unpack it yourself") from error
    except _BROKEN as error:
        reason = next(iter(str(error).splitlines()), "").rstrip(":")  # tarfile lists below it what else it tried
        raise NoSuchDocuments(f"{archive}: a broken archive ({reason})") from error


def _zip_members(archive: Path) -> Iterator[_Member]:
    with zipfile.ZipFile(archive) as opened:
        for entry in opened.infolist():
            if entry.flag_bits & 1:
                raise NoSuchDocuments(f"{archive}: the archive has a password: unpack it yourself and name the folder")
            if stat.S_ISLNK(entry.external_attr >> 16):
                raise NoSuchDocuments(_link(archive, entry.filename))
            yield _Member(entry.filename, None if entry.is_dir() else opened.open(entry))


def _tar_members(archive: Path) -> Iterator[_Member]:
    with tarfile.open(archive, "r:*") as opened:
        for entry in opened:
            if entry.issym() or entry.islnk():
                raise NoSuchDocuments(_link(archive, entry.name))
            if not (entry.isfile() or entry.isdir()):
                raise NoSuchDocuments(f"{archive}: {entry.name!r} is neither a file nor a folder: it is not unpacked")
            found: Any = opened.extractfile(entry)  # None for a folder
            yield _Member(entry.name, found)


def _link(archive: Path, name: str) -> str:
    return f"{archive}: {name!r} is a link, which is not unpacked: pack the files themselves"


def _checked(archive: Path, name: str) -> PurePosixPath:
    """The name as a path within the folder.

    Raises:
        NoSuchDocuments: it is absolute, leads out of the folder, or is none.
    """
    path = PurePosixPath(name.replace("\\", "/"))
    if path.is_absolute() or ".." in path.parts or not path.parts or "\0" in name or name[1:2] == ":":
        raise NoSuchDocuments(f"{archive}: the name {name!r} leads out of the archive: it is not unpacked")
    return path
