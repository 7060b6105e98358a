"""Write a byte-level BPE tokenizer and its chat template to GGUF."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import gguf
from tokenizers import Tokenizer

from runner.export.errors import CannotExport

LLAMA_3 = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+"
           r"|\s+(?!\S)|\s+")
"""How Llama 3 splits a text before BPE."""


def add_tokenizer(writer: gguf.GGUFWriter, folder: Path, rows: int) -> None:
    """Write the tokenizer of a model folder: tokens, merges, special tokens, chat template.

    Args:
        rows: rows of the embedding; those without a token get one that no text contains.

    Raises:
        CannotExport: it is no byte-level BPE tokenizer, or splits texts in a way that llama.cpp has no name for.
    """
    tokenizer = json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))
    model = tokenizer["model"]
    if model.get("type") != "BPE" or model.get("byte_fallback"):
        raise _cannot(f"its tokenizer is {model.get('type')}, not byte-level BPE")
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre(_split_name(tokenizer))
    names, types = _tokens(model["vocab"], tokenizer.get("added_tokens") or [], rows)
    writer.add_token_list(names)
    writer.add_token_types(types)
    writer.add_token_merges([one if isinstance(one, str) else " ".join(one) for one in model["merges"]])
    _add_special_tokens(writer, folder, {name: at for at, name in enumerate(names)})
    writer.add_add_space_prefix(False)


def _tokens(vocabulary: Mapping[str, int], added: list[dict[str, Any]], rows: int) -> tuple[list[str], list[int]]:
    names = {at: name for name, at in vocabulary.items()} | {one["id"]: one["content"] for one in added}
    kinds = {one["id"]: gguf.TokenType.CONTROL if one["special"] else gguf.TokenType.USER_DEFINED for one in added}
    return ([names.get(at, f"[PAD{at}]") for at in range(rows)],
            [kinds.get(at, gguf.TokenType.NORMAL) if at in names else gguf.TokenType.UNUSED for at in range(rows)])


def _add_special_tokens(writer: gguf.GGUFWriter, folder: Path, ids: Mapping[str, int]) -> None:
    """Write which tokens begin, end and pad a text, and the chat template.

    An answer ends at the token that ended answers in training, the first of the generation configuration.
    """
    named = json.loads((folder / "tokenizer_config.json").read_text(encoding="utf-8"))

    def id_of(role: str) -> int | None:
        token = named.get(role)
        return ids.get(token["content"] if isinstance(token, dict) else token) if token else None

    bos, unknown, pad = id_of("bos_token"), id_of("unk_token"), id_of("pad_token")
    ends = generation_of(folder).get("eos_token_id")
    end = ends[0] if isinstance(ends, list) and ends else ends if isinstance(ends, int) else id_of("eos_token")
    if bos is not None:
        writer.add_bos_token_id(bos)
    if end is not None:
        writer.add_eos_token_id(end)
    if unknown is not None:
        writer.add_unk_token_id(unknown)
    if pad is not None:
        writer.add_pad_token_id(pad)
    begins = Tokenizer.from_file(str(folder / "tokenizer.json")).encode("x").ids[:1]
    writer.add_add_bos_token(bos is not None and begins == [bos])
    if template := chat_template_of(folder):
        writer.add_chat_template(template)


def chat_template_of(folder: Path) -> str:
    """The chat template of a model folder; empty if it has none."""
    file = folder / "chat_template.jinja"
    if file.is_file():
        return file.read_text(encoding="utf-8")
    return str(json.loads((folder / "tokenizer_config.json").read_text(encoding="utf-8")).get("chat_template") or "")


def generation_of(folder: Path) -> Mapping[str, Any]:
    """The generation configuration of a model folder."""
    return json.loads((folder / "generation_config.json").read_text(encoding="utf-8"))


def _split_name(tokenizer: Mapping[str, Any]) -> str:
    """The name that llama.cpp has for the way in which a tokenizer splits a text before BPE."""
    before = tokenizer.get("pre_tokenizer") or {}
    steps = before["pretokenizers"] if before.get("type") == "Sequence" else [before]
    kinds = [step.get("type") for step in steps]
    if tokenizer.get("normalizer") or steps[-1].get("type") != "ByteLevel" or steps[-1].get("add_prefix_space"):
        raise _cannot(f"its tokenizer splits texts by {kinds}")
    if kinds == ["ByteLevel"]:
        return "gpt-2"
    if kinds == ["Digits", "ByteLevel"] and steps[0].get("individual_digits"):
        return "smollm"
    if kinds == ["Split", "ByteLevel"] and steps[0]["pattern"].get("Regex") == LLAMA_3:
        return "llama-bpe"
    raise _cannot(f"its tokenizer splits texts by {kinds}")


def _cannot(reason: str) -> CannotExport:
    return CannotExport(f"{reason}, which cannot be written to GGUF here: give llama.cpp's script with --converter "
                        "PATH/convert_hf_to_gguf.py, or export --form merged")
