"""The hashes of an exported folder's files, in the form that `sha256sum -c SHA256SUMS` reads."""

from __future__ import annotations

from pathlib import Path

from store.files import sha256_of_file

CHECKSUMS = "SHA256SUMS"


def write_checksums(folder: Path) -> None:
    """Write the hash of every file of a folder."""
    lines = [f"{sha256_of_file(path)}  {path.relative_to(folder).as_posix()}\n" for path in _files(folder)]
    (folder / CHECKSUMS).write_text("".join(lines), encoding="utf-8")


def changed_files(folder: Path) -> list[str]:
    """Return the files that are missing, new, or not as they were written; all where no hashes are there."""
    try:
        lines = (folder / CHECKSUMS).read_text(encoding="utf-8").splitlines()
    except OSError:
        return [CHECKSUMS]
    recorded = {name: hash for hash, _, name in (line.partition("  ") for line in lines)}
    found = {path.relative_to(folder).as_posix(): path for path in _files(folder)}
    return sorted(recorded.keys() ^ found.keys() | {
        name for name in recorded.keys() & found.keys() if sha256_of_file(found[name]) != recorded[name]})


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file() and path.name != CHECKSUMS)
