"""How much a repository or an archive may hold, so that neither fills a disk."""

from __future__ import annotations

MOST_FILES = 50_000
MOST_BYTES = 4 * 2**30


def too_many_files(what: str) -> str:
    """Return the sentence for more files than are unpacked."""
    return f"{what}: more than {MOST_FILES:,} files: unpack it yourself and name the folder with the documents"


def too_many_bytes(what: str) -> str:
    """Return the sentence for more bytes than are unpacked."""
    return f"{what}: more than {MOST_BYTES / 2**30:.0f} GB once unpacked: unpack it yourself and name the folder " \
           "with the documents"
