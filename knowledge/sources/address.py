"""Read the address of documents: a git repository or an archive; anything else is a folder.

A git address is written as pip writes it: `git+https://host/team/docs.git@REF#subdirectory=guide`. Pinned, its REF is a
commit. A pinned archive is `/path/docs.zip#sha256=HASH`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path, PurePath
from urllib.parse import unquote, urlsplit, urlunsplit

PROTOCOLS = ("https", "http", "ssh", "git", "file")
ARCHIVES = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz")
OTHER_ARCHIVES = (".7z", ".rar", ".tar.zst", ".tzst", ".tar.lz", ".tar.lz4", ".gz", ".bz2", ".xz", ".zst")
"""Endings of archives and packed files that are not unpacked here."""
_SCP = re.compile(r"^(?:git\+)?([\w.-]+@[\w.-]+):(?!//)(\S+)$")
_SHA256 = re.compile(r"^(.+)#sha256=([0-9a-f]{64})$")
_COMMIT = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")


class NoSuchDocuments(ValueError):
    """The documents cannot be fetched; the message says why, and the way out."""
    error_kind = "knowledge"


@dataclass(frozen=True)
class GitRepository:
    """A state of a git repository, or of one of its folders."""

    url: str
    ref: str = ""
    """A branch, tag or commit; empty for the default branch."""
    subdirectory: str = ""

    @property
    def pinned(self) -> bool:
        """Whether it names a commit, so that it always means the same documents."""
        return bool(_COMMIT.fullmatch(self.ref))

    @property
    def name(self) -> str:
        """Its display name."""
        return (self.subdirectory or urlsplit(self.url).path).rstrip("/").rpartition("/")[2].removesuffix(".git")

    def __str__(self) -> str:
        return f"git+{self.url}" + (f"@{self.ref}" if self.ref else "") + \
            (f"#subdirectory={self.subdirectory}" if self.subdirectory else "")

    def at(self, commit: str) -> GitRepository:
        """The same at a commit."""
        return replace(self, ref=commit)


@dataclass(frozen=True)
class Archive:
    """An archive on this machine."""

    path: Path
    sha256: str = ""
    """Of the file; empty where it was not read yet."""

    @property
    def pinned(self) -> bool:
        return bool(self.sha256)

    @property
    def name(self) -> str:
        """Its display name."""
        ending = next(one for one in sorted(ARCHIVES, key=len, reverse=True) if self.path.name.lower().endswith(one))
        return self.path.name[:-len(ending)] or self.path.name

    def __str__(self) -> str:
        return f"{self.path}#sha256={self.sha256}" if self.sha256 else str(self.path)


def parse_address(text: str) -> GitRepository | Archive | None:
    """What a text names; None for a folder.

    Raises:
        NoSuchDocuments: a web address that is neither, one with a password in it, or an archive of another kind.
    """
    if scp := _SCP.match(text):
        return _git(f"ssh://{scp[1]}/{scp[2]}")
    if text.startswith("git+") or re.match(r"^(?:ssh|git)://", text) or \
            re.match(r"^(?:https?|file)://[^#]*\.git(?:@[^/#]*)?/?(?:#.*)?$", text):
        return _git(text.removeprefix("git+"))
    if re.match(r"^[a-z][a-z0-9+.-]*://", text, re.I):
        raise NoSuchDocuments(f"{text}: neither a git repository nor a folder: write git+{text} for a repository; "
                              "download an archive and name the file")
    pinned = _SHA256.match(text)
    path = Path(pinned[1] if pinned else text).expanduser()
    if path.name.lower().endswith(ARCHIVES) and not path.is_dir():
        return Archive(path.absolute(), pinned[2] if pinned else "")
    if path.name.lower().endswith(OTHER_ARCHIVES) and not path.is_dir():
        raise NoSuchDocuments(f"{text}: archives of this kind are not unpacked: unpack it and name the folder, or pack "
                              f"it anew as one of {', '.join(ARCHIVES)}")
    return None


def short_name(text: str) -> str:
    """The name of a folder, repository or archive, for people; reads nothing."""
    try:
        address = parse_address(text)
    except NoSuchDocuments:
        address = None
    return address.name if address else PurePath(text).name or text


def same_documents(one: str, other: str) -> bool:
    """Whether two texts name the same documents, in whatever state: other commits and hashes are the same place."""
    return _place(one) == _place(other)


def _place(text: str) -> object:
    try:
        address = parse_address(text)
    except NoSuchDocuments:
        return text
    if isinstance(address, GitRepository):
        return address.at("")
    return address.path if address else text.rstrip("/")


def _git(text: str) -> GitRepository:
    parts = urlsplit(text)
    if parts.scheme not in PROTOCOLS:
        raise NoSuchDocuments(f"git+{text}: the protocol {parts.scheme!r} is not used: write one of "
                              f"{', '.join(f'git+{one}' for one in PROTOCOLS)}")
    if parts.password is not None or (parts.username and parts.scheme.startswith("http")):
        raise NoSuchDocuments(f"git+{parts.scheme}://...@{parts.hostname}: an address with a name or password in it "
                              "would be stored with every run: use a credential helper of git or an SSH key")
    subdirectory = ""
    for key, _, value in (part.partition("=") for part in parts.fragment.split("&") if part):
        if key != "subdirectory":
            raise NoSuchDocuments(f"git+{text}: {key!r} is not known after the #: use #subdirectory=FOLDER")
        subdirectory = unquote(value).strip("/")
    if ".." in subdirectory.split("/"):
        raise NoSuchDocuments(f"git+{text}: the subdirectory leads out of the repository")
    path, at, ref = parts.path.rpartition("@")
    if not at or ref.endswith(".git"):
        path, ref = parts.path, ""
    if ref.startswith("-") or re.search(r"[\s\x00-\x1f~^:?*\[\\]|\.\.", ref):
        raise NoSuchDocuments(f"git+{text}: {ref!r} is no branch, tag or commit")
    return GitRepository(urlunsplit((parts.scheme, parts.netloc, path, "", "")), ref, subdirectory)
