"""How a question is put to a student: one form for training, answering and weighing alike. Pure.

Chat models get ChatML with their own special tokens and no system prompt (its tokens would cost time in every
question, and the model's own template puts one in by itself). Models without these tokens get plain-text
markers and their end-of-text token: nothing is added to a vocabulary, so no embedding is ever resized.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol


class Tokenizer(Protocol):
    """The little of a tokenizer that prompting needs."""

    eos_token_id: int
    unk_token_id: int | None

    def __call__(self, text: str, *, add_special_tokens: bool = True, split_special_tokens: bool = False) -> Any: ...

    def convert_tokens_to_ids(self, token: str) -> int | None: ...

    def decode(self, ids: Sequence[int], *, skip_special_tokens: bool = False) -> str: ...


CHATML_TOKENS = ("<|im_start|>", "<|im_end|>")


@dataclass(frozen=True)
class PromptTemplate:
    """The texts around a question and its answer, and what ends an answer."""

    before: str
    after: str
    lead: str
    """What stands between the prompt and the answer's first word."""
    end_id: int
    """The token that ends an answer, in training and in generation."""
    stop_ids: tuple[int, ...]
    """Tokens that end an answer when generated; `end_id` among them."""
    stop_texts: tuple[str, ...]
    """Texts that end an answer: an untuned base model goes on by asking itself the next question."""


def prompt_template_for(tokenizer: Tokenizer) -> PromptTemplate:
    """ChatML where its markers are single tokens of the vocabulary, plain text otherwise."""
    start, end = (_single_token(tokenizer, token) for token in CHATML_TOKENS)
    if start is not None and end is not None:
        return PromptTemplate("<|im_start|>user\n", "<|im_end|>\n<|im_start|>assistant\n", "", end,
                              tuple(dict.fromkeys((end, start, tokenizer.eos_token_id))), ())
    eos = tokenizer.eos_token_id
    # Instruct/Output is the form that Phi-2 itself was made for; any other base model can learn it.
    return PromptTemplate("Instruct: ", "\nOutput:", " ", eos, (eos,), ("\nInstruct:", "\nOutput:"))


def prompt_ids(tokenizer: Tokenizer, form: PromptTemplate, question: str) -> list[int]:
    """Token ids up to where the answer begins; markers inside the question's own text stay plain text."""
    return (_bos(tokenizer) + _encode(tokenizer, form.before, special=True)
            + _encode(tokenizer, question, special=False) + _encode(tokenizer, form.after, special=True))


def answer_ids(tokenizer: Tokenizer, form: PromptTemplate, answer: str) -> list[int]:
    """Token ids of an answer with its end token; encoded apart from the prompt, whose ids thus never change."""
    return [*_encode(tokenizer, form.lead + answer, special=False), form.end_id]


def cut_at_stop(form: PromptTemplate, text: str) -> tuple[str, bool]:
    """The text before the first stop text, and whether there was one."""
    found = [at for at in (text.find(stop) for stop in form.stop_texts) if at >= 0]
    return (text[: min(found)], True) if found else (text, False)


def _encode(tokenizer: Tokenizer, text: str, *, special: bool) -> list[int]:
    return list(tokenizer(text, add_special_tokens=False, split_special_tokens=not special)["input_ids"])


def _bos(tokenizer: Tokenizer) -> list[int]:
    """The beginning token of tokenizers that put one by themselves (Llama does, SmolLM2 and Phi-2 do not)."""
    bos = getattr(tokenizer, "bos_token_id", None)
    added = list(tokenizer("x")["input_ids"])
    return [bos] if bos is not None and added[:1] == [bos] else []


def _single_token(tokenizer: Tokenizer, token: str) -> int | None:
    found = tokenizer.convert_tokens_to_ids(token)
    return None if found is None or found == tokenizer.unk_token_id else found
