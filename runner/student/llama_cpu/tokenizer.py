"""A tokenizer's folder, read by the Rust library alone that the large one uses too: the same ids, the same texts.

Only folders whose settings say nothing that the large library would add to the file are read here.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import tokenizers

_CLASSES = ("TokenizersBackend", "PreTrainedTokenizerFast")
_TOKENS = ("bos_token", "eos_token", "unk_token", "pad_token")
_WITHOUT_EFFECT = ("backend", "is_local", "local_files_only", "model_max_length", "tokenizer_class", "chat_template",
                   "padding_side", "truncation_side")
"""Settings that change neither ids nor texts: lengths and padding are for others to keep."""


class FastTokenizer:
    """Implements `prompt.Tokenizer`."""

    def __init__(self, backend: Any, eos_token_id: int, bos_token_id: int | None, unk_token_id: int | None) -> None:
        self._backend = backend
        self.eos_token_id, self.bos_token_id, self.unk_token_id = eos_token_id, bos_token_id, unk_token_id

    def __call__(self, text: str, *, add_special_tokens: bool = True, split_special_tokens: bool = False) -> Any:
        self._backend.encode_special_tokens = split_special_tokens
        return {"input_ids": self._backend.encode(text, add_special_tokens=add_special_tokens).ids}

    def convert_tokens_to_ids(self, token: str) -> int | None:
        found: int | None = self._backend.token_to_id(token)
        return self.unk_token_id if found is None else found

    def decode(self, ids: Sequence[int], *, skip_special_tokens: bool = False) -> str:
        return str(self._backend.decode(list(ids), skip_special_tokens=skip_special_tokens))


def open_tokenizer(folder: Path) -> FastTokenizer | None:
    """The tokenizer in a folder; None where the large library would make more of it than its file says."""
    try:
        told = json.loads((folder / "tokenizer_config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    if not isinstance(told, dict) or told.get("tokenizer_class") not in _CLASSES or _has_unsupported_settings(told,
                                                                                                              folder):
        return None
    try:
        backend = tokenizers.Tokenizer.from_buffer((folder / "tokenizer.json").read_bytes())
    except (OSError, ValueError):
        return None
    special = {token.content: id for id, token in backend.get_added_tokens_decoder().items() if token.special}
    ids = {name: special.get(told[name]) for name in _TOKENS if told.get(name)}
    eos = ids.get("eos_token")
    if eos is None or None in ids.values():
        return None
    return FastTokenizer(backend, eos, ids.get("bos_token"), ids.get("unk_token"))


def _has_unsupported_settings(told: dict[str, Any], folder: Path) -> bool:
    """Whether there are settings or files that this file does not know."""
    tokens = [told[name] for name in _TOKENS if told.get(name)]
    settings = [name for name, value in told.items() if name not in (*_TOKENS, *_WITHOUT_EFFECT) and value]
    others = [name for name in ("added_tokens.json", "special_tokens_map.json") if (folder / name).exists()]
    return bool(settings or others) or not all(isinstance(token, str) for token in tokens)
