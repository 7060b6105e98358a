"""The hashes of an exported folder's files, in the form that `sha256sum -c SHA256SUMS` reads."""

from __future__ import annotations

from pathlib import Path

from store.files import sha256_of_file

CHECKSUMS = "SHA256SUMS"


def write_checksums(folder: Path) -> None:
    """Write the hash of every file of a folder."""
    lines = [f"{hash}  {name}\n" for name, hash in hashes_of(folder).items()]
    (folder / CHECKSUMS).write_text("".join(lines), encoding="utf-8")


def hashes_of(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of every file of a folder, by its path there."""
    return {path.relative_to(folder).as_posix(): sha256_of_file(path) for path in _files(folder)}


def changed_files(folder: Path) -> list[str]:
    """Return the files that are missing, new, or not as they were written; all where no hashes are there."""
    try:
        lines = (folder / CHECKSUMS).read_text(encoding="utf-8").splitlines()
    except OSError:
        return [CHECKSUMS]
    recorded = {name: hash for hash, _, name in (line.partition("  ") for line in lines)}
    return sorted({name for name, _ in recorded.items() ^ hashes_of(folder).items()})


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file() and path.name != CHECKSUMS)
