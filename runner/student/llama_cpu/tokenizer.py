"""Load a fast tokenizer with `tokenizers` alone, without importing transformers; ids and texts are the same.

Only for folders whose settings give transformers nothing to add to `tokenizer.json`.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import tokenizers

_CLASSES = ("TokenizersBackend", "PreTrainedTokenizerFast")
_TOKENS = ("bos_token", "eos_token", "unk_token", "pad_token")
_IGNORED_SETTINGS = ("backend", "is_local", "local_files_only", "model_max_length", "tokenizer_class",
                     "chat_template", "padding_side", "truncation_side")
"""Settings that change neither ids nor texts; lengths and padding are handled by the callers."""


class FastTokenizer:
    """Implements `prompt_template.Tokenizer` over a `tokenizers.Tokenizer`."""

    def __init__(self, backend: Any, eos_token_id: int, bos_token_id: int | None, unk_token_id: int | None,
                 chat_template: str = "") -> None:
        self._backend = backend
        self.chat_template = chat_template
        self.bos_token, self.eos_token, self.unk_token = (
            None if token is None else str(backend.id_to_token(token))
            for token in (bos_token_id, eos_token_id, unk_token_id))
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
    """The tokenizer in a folder; None if its settings need transformers."""
    try:
        config = json.loads((folder / "tokenizer_config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    if not isinstance(config, dict) or config.get("tokenizer_class") not in _CLASSES:
        return None
    if _has_unsupported_settings(config, folder):
        return None
    try:
        backend = tokenizers.Tokenizer.from_buffer((folder / "tokenizer.json").read_bytes())
    except (OSError, ValueError):
        return None
    special = {token.content: id for id, token in backend.get_added_tokens_decoder().items() if token.special}
    ids = {name: special.get(config[name]) for name in _TOKENS if config.get(name)}
    eos = ids.get("eos_token")
    if eos is None or None in ids.values():
        return None
    template = _chat_template(config, folder)
    if template is None:
        return None
    return FastTokenizer(backend, eos, ids.get("bos_token"), ids.get("unk_token"), template)


def _chat_template(config: dict[str, Any], folder: Path) -> str | None:
    """The chat template in a folder, empty where there is none; None if there are several, which need transformers."""
    file = folder / "chat_template.jinja"
    if (folder / "additional_chat_templates").exists():
        return None
    if file.is_file():
        return file.read_text(encoding="utf-8")
    found = config.get("chat_template") or ""
    return found if isinstance(found, str) else None


def _has_unsupported_settings(config: dict[str, Any], folder: Path) -> bool:
    """Whether the folder has settings or files that are not handled here."""
    tokens = [config[name] for name in _TOKENS if config.get(name)]
    settings = [name for name, value in config.items() if name not in (*_TOKENS, *_IGNORED_SETTINGS) and value]
    files = [name for name in ("added_tokens.json", "special_tokens_map.json") if (folder / name).exists()]
    return bool(settings or files) or not all(isinstance(token, str) for token in tokens)
