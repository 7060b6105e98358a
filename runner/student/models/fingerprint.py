"""Fingerprint a student's weights by the hash of its files or its hub commit."""

from __future__ import annotations

import hashlib
from pathlib import Path

from store.files import sha256_of_file


def weights_fingerprint(source: str, config: object | None) -> str:
    """`sha256:` of a folder's safetensors files in name order, or `commit:` of a hub model; empty if unknown.

    Args:
        source: where the model was loaded from, a folder or a Hugging Face id.
        config: a hub model's loaded configuration, which carries the commit.
    """
    folder = Path(source).expanduser()
    if not folder.is_dir():
        commit = getattr(config, "_commit_hash", None)
        return f"commit:{commit}" if commit else ""
    digest = hashlib.sha256()
    for path in sorted(folder.glob("*.safetensors")):
        digest.update(bytes.fromhex(sha256_of_file(path)))
    return f"sha256:{digest.hexdigest()}"
