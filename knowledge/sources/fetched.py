"""Keep fetched documents: each state once, in a folder named by its hash, whole or not at all."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from knowledge.sources.address import Archive, GitRepository, NoSuchDocuments, parse_address
from knowledge.sources.git_clone import clone
from knowledge.sources.unpack import unpack

CONTENT, SOURCE = "content", "source.json"
_ABANDONED_SECONDS = 24 * 3600.0
_UNFINISHED = ".unfinished-"


def pin(text: str, fetched: Path, say: Callable[[str], None] = lambda line: None) -> str:
    """The address of documents in the form that always means the same ones; a folder's is its absolute path.

    What is not there yet is fetched: a branch is looked up again each time, a commit is not.

    Args:
        text: as a person wrote it.
        fetched: the folder that keeps fetched documents.
        say: is given a line before something that may take long.

    Raises:
        NoSuchDocuments: it cannot be fetched.
    """
    address = parse_address(text)
    if address is None:
        return str(Path(text).expanduser().absolute())
    return str(_fetch(address, fetched, say))


def folder_of(knowledge: str, fetched: Path, may_fetch: bool = True) -> Path:
    """The folder of a configuration's documents; of a pinned address that is not here yet, after fetching it.

    Raises:
        NoSuchDocuments: it cannot be fetched, or may not be.
    """
    address = parse_address(knowledge)
    if address is None:
        return Path(knowledge).expanduser()
    if not address.pinned or _kept(address, fetched) is None:
        if not may_fetch:
            raise NoSuchDocuments(f"{knowledge}: not fetched yet: `python -m runner knowledge --knowledge "
                                  f"'{knowledge}'` fetches it and prints the address to use here")
        address = _fetch(address, fetched, lambda line: None)
    found = _kept(address, fetched)
    assert found is not None
    return found


def _kept(address: GitRepository | Archive, fetched: Path) -> Path | None:
    """The folder of a pinned address; None if it is not here.

    Raises:
        NoSuchDocuments: the repository has no such subdirectory.
    """
    key = address.ref if isinstance(address, GitRepository) else address.sha256
    content = fetched / key[:40] / CONTENT
    if not content.is_dir():
        return None
    folder = content / address.subdirectory if isinstance(address, GitRepository) else content
    if not folder.is_dir():
        raise NoSuchDocuments(f"{address}: there is no folder of that name in it")
    return folder


def _fetch(address: GitRepository | Archive, fetched: Path, say: Callable[[str], None]) -> GitRepository | Archive:
    if address.pinned and _kept(address, fetched):
        return address
    say(f"fetching {address}")
    with _unfinished(fetched) as working:
        pinned: GitRepository | Archive
        if isinstance(address, GitRepository):
            pinned = address.at(clone(address, working / CONTENT))
        else:
            pinned = _unpacked(address, working / CONTENT)
        _keep(pinned, working, fetched)
    _kept(pinned, fetched)
    return pinned


def _unpacked(archive: Archive, to: Path) -> Archive:
    """Unpack an archive whose content is the wanted one.

    Raises:
        NoSuchDocuments: it is not there or has changed.
    """
    try:
        with archive.path.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise NoSuchDocuments(f"{archive.path}: {(error.strerror or str(error)).lower()}: name an archive or a folder "
                              "on this machine") from error
    if archive.sha256 not in ("", found):
        raise NoSuchDocuments(f"{archive.path}: its SHA-256 was {archive.sha256} and is now {found}: name it again "
                              "without the hash to use it as it is now")
    unpack(archive.path, to)
    return Archive(archive.path, found)


def _keep(pinned: GitRepository | Archive, working: Path, fetched: Path) -> None:
    """Rename finished work to its place; another process may have been quicker with the same content."""
    (working / SOURCE).write_text(json.dumps({"address": str(pinned), "fetched_at": time.strftime(
        "%Y-%m-%dT%H:%M:%SZ", time.gmtime())}), encoding="utf-8")
    key = pinned.ref if isinstance(pinned, GitRepository) else pinned.sha256
    with contextlib.suppress(OSError):
        working.rename(fetched / key[:40])
    if not (fetched / key[:40] / CONTENT).is_dir():
        raise NoSuchDocuments(f"{pinned}: it was fetched, and {fetched / key[:40]} cannot be written")


@contextlib.contextmanager
def _unfinished(fetched: Path) -> Iterator[Path]:
    """A folder for work that may be cut off: removed afterwards, or a day later by the next fetch.

    Raises:
        NoSuchDocuments: the disk is full or cannot be written.
    """
    try:
        fetched.mkdir(parents=True, exist_ok=True)
        for left in fetched.glob(f"{_UNFINISHED}*"):
            if time.time() - left.stat().st_mtime > _ABANDONED_SECONDS or _is_of_ended_process(left):
                shutil.rmtree(left, ignore_errors=True)
        working = Path(tempfile.mkdtemp(prefix=f"{_UNFINISHED}{os.uname().nodename}-{os.getpid()}-", dir=fetched))
        try:
            yield working
        finally:
            shutil.rmtree(working, ignore_errors=True)
    except OSError as error:
        raise NoSuchDocuments(f"the documents cannot be kept in {fetched}: {error.strerror or error}") from error


def _is_of_ended_process(left: Path) -> bool:
    host, _, rest = left.name.removeprefix(_UNFINISHED).rpartition("-")[0].rpartition("-")
    if host != os.uname().nodename or not rest.isdigit():
        return False
    try:
        os.kill(int(rest), 0)
    except ProcessLookupError:
        return True
    except OSError:
        return False
    return False
