"""What tells one student's weights from another's. Knows files and hub commits, and nothing of what is in them."""

from __future__ import annotations

import hashlib
from pathlib import Path

from store.files import sha256_of_file


def weights_fingerprint(source: str, config: object | None) -> str:
    """`sha256:` over a folder's safetensors in the order of their names, `commit:` of a hub model, else empty.

    Args:
        source: where the model was loaded from, a folder or a Hugging Face id.
        config: a hub model's loaded configuration; transformers keeps the commit there.
    """
    folder = Path(source).expanduser()
    if not folder.is_dir():
        commit = getattr(config, "_commit_hash", None)
        return f"commit:{commit}" if commit else ""
    digest = hashlib.sha256()
    for path in sorted(folder.glob("*.safetensors")):
        digest.update(bytes.fromhex(sha256_of_file(path)))
    return f"sha256:{digest.hexdigest()}"
