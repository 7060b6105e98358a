"""One answer piece by piece: the loop of `generation`, listened to while it runs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from runner.protocols import GenerationConfig
from runner.student.inference.decode_batch import DecodeBatch
from runner.student.inference.generation import DecodingLoop, GenerationState, question_rng
from runner.student.prompt_template import PromptTemplate, cut_at_stop, prompt_ids

_HALF = "\ufffd"  # what the tokenizer makes of a character whose bytes are not all there yet


def stream(rows: DecodeBatch, context: int, tokenizer: Any, form: PromptTemplate, question_id: str, question: str,
           decoding: GenerationConfig, seed: int) -> Iterator[str]:
    """The same answer as `generation.generate` gives, told as far as it is certain.

    A piece is held back while it may be the beginning of a stop text, or ends in half a character.
    """
    prompt = prompt_ids(tokenizer, form, question)
    if len(prompt) >= context:
        yield "(question longer than the student's context)"
        return
    row = GenerationState(question_id, prompt, question_rng(seed, question_id))
    loop, told = DecodingLoop(rows, context, tokenizer, form, decoding, [row]), ""
    while loop.step():
        text = _stable_prefix(form, tokenizer.decode(row.ids, skip_special_tokens=True))
        yield text[len(told):]
        told = text
    yield loop.text(row)[len(told):]


def _stable_prefix(form: PromptTemplate, text: str) -> str:
    """What no later token can take back."""
    text, cut = cut_at_stop(form, text.lstrip())
    held = max((size for stop in form.stop_texts for size in range(1, len(stop)) if text.endswith(stop[:size])),
               default=0)
    text = text if cut else text[: len(text) - held]
    return text.rstrip(_HALF).rstrip()
