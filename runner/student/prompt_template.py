"""The prompt template of a student, the same for training, answering, scoring and the export. Pure.

Chat models get their own chat template. Those whose template is ChatML get it without a default system prompt, whose
tokens would cost time in every question. Models without a chat template get plain-text markers and their end-of-text
token: nothing is added to the vocabulary, so embeddings are never resized.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from runner.student.chat_template import RenderedTemplate, rendered_template, single_turn_template


class Tokenizer(Protocol):
    """The part of a tokenizer's interface that prompting and decoding need."""

    eos_token_id: int
    unk_token_id: int | None

    def __call__(self, text: str, *, add_special_tokens: bool = True, split_special_tokens: bool = False) -> Any: ...

    def convert_tokens_to_ids(self, token: str) -> int | None: ...

    def decode(self, ids: Sequence[int], *, skip_special_tokens: bool = False) -> str: ...


CHATML_TOKENS = ("<|im_start|>", "<|im_end|>")
_CHATML = ("<|im_start|>user\n", "<|im_end|>\n<|im_start|>assistant\n")


@dataclass(frozen=True)
class PromptTemplate:
    """The texts around a question and its answer, and what ends an answer."""

    before: str
    after: str
    lead: str
    """Text between the prompt and the answer."""
    end_id: int
    """The token that ends an answer, in training and in generation."""
    stop_ids: tuple[int, ...]
    """Tokens that end an answer when generated; `end_id` among them."""
    stop_texts: tuple[str, ...]
    """Texts that end an answer: an untuned base model continues by writing the next question."""
    adds_bos: bool = True
    """Whether the tokenizer's own BOS token goes before it; False where `before` holds it already."""


def prompt_template_for(tokenizer: Tokenizer, own: bool = True) -> PromptTemplate:
    """The model's own chat template; ChatML without a system prompt where it is that; plain text where there is none.

    With `own` False the chat template is not looked at: ChatML where its markers are single tokens, else plain text.
    """
    rendered = rendered_template(tokenizer) if own else None
    start, end = (_single_token(tokenizer, token) for token in CHATML_TOKENS)
    if start is not None and end is not None and (rendered is None or _is_chatml(rendered)):
        return PromptTemplate(*_CHATML, "", end, tuple(dict.fromkeys((end, start, tokenizer.eos_token_id))), ())
    if rendered is not None:
        end = _end_token(tokenizer, rendered.end)
        return PromptTemplate(rendered.before, rendered.after, rendered.lead, end,
                              tuple(dict.fromkeys((end, tokenizer.eos_token_id))), (), adds_bos=False)
    eos = tokenizer.eos_token_id
    # Instruct/Output is the format that Phi-2 was trained for; any other base model can learn it.
    return PromptTemplate("Instruct: ", "\nOutput:", " ", eos, (eos,), ("\nInstruct:", "\nOutput:"))


def prompt_ids(tokenizer: Tokenizer, template: PromptTemplate, question: str) -> list[int]:
    """Token ids of the prompt; markers inside the question's own text are encoded as plain text."""
    return (_prompt_bos(tokenizer, template) + _encode(tokenizer, template.before, special=True)
            + _encode(tokenizer, question, special=False) + _encode(tokenizer, template.after, special=True))


def answer_ids(tokenizer: Tokenizer, template: PromptTemplate, answer: str) -> list[int]:
    """Token ids of an answer and its end token; encoded separately, so that the prompt's ids are always the same."""
    return [*_encode(tokenizer, template.lead + answer, special=False), template.end_id]


def document_ids(tokenizer: Tokenizer, template: PromptTemplate, text: str) -> list[int]:
    """Token ids of a text that answers nothing, as in pretraining: BOS where the model has one, and the end token."""
    return [*_bos(tokenizer), *_encode(tokenizer, text, special=False), template.end_id]


def _encode(tokenizer: Tokenizer, text: str, *, special: bool) -> list[int]:
    return list(tokenizer(text, add_special_tokens=False, split_special_tokens=not special)["input_ids"])


def exported_chat_template(tokenizer: Tokenizer, template: PromptTemplate) -> str:
    """The chat template of an exported model: it renders a question as the very text of training and test."""
    bos = tokenizer.decode(_prompt_bos(tokenizer, template))
    end = tokenizer.decode([template.end_id])
    between_turns = "\n" if (template.before, template.after) == _CHATML else ""
    return single_turn_template(bos + template.before, template.after, template.lead, end + between_turns)


def _is_chatml(rendered: RenderedTemplate) -> bool:
    """Whether a template is ChatML, apart from a system prompt at its beginning."""
    return rendered.before.endswith(_CHATML[0]) and rendered.after == _CHATML[1]


def _end_token(tokenizer: Tokenizer, end: str) -> int:
    """The token that a template puts after an answer; the end-of-text token where that is no single special token."""
    ids = _encode(tokenizer, end.lstrip(), special=True)
    text = tokenizer.decode(ids[:1]) if ids else ""
    return ids[0] if text and not tokenizer.decode(ids[:1], skip_special_tokens=True) else tokenizer.eos_token_id


def _prompt_bos(tokenizer: Tokenizer, template: PromptTemplate) -> list[int]:
    return _bos(tokenizer) if template.adds_bos else []


def _bos(tokenizer: Tokenizer) -> list[int]:
    """The BOS token, for tokenizers that add one by default (Llama does, SmolLM2 and Phi-2 do not)."""
    bos = getattr(tokenizer, "bos_token_id", None)
    added = list(tokenizer("x")["input_ids"])
    return [bos] if bos is not None and added[:1] == [bos] else []


def _single_token(tokenizer: Tokenizer, token: str) -> int | None:
    found = tokenizer.convert_tokens_to_ids(token)
    return None if found is None or found == tokenizer.unk_token_id else found
