"""Stream one answer piece by piece from `continuous_batching.DecodingLoop`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from runner.protocols import GenerationConfig
from runner.student.inference.continuous_batching import DecodingLoop, GenerationState, question_rng
from runner.student.inference.decode_batch import DecodeBatch
from runner.student.inference.stop_texts import cut_at_stop
from runner.student.prompt_template import PromptTemplate, prompt_ids

_INCOMPLETE = "\ufffd"  # what the tokenizer decodes a character to while some of its bytes are missing


def stream(decode_batch: DecodeBatch, context: int, tokenizer: Any, template: PromptTemplate,
           question_id: str, question: str, decoding: GenerationConfig, seed: int) -> Iterator[str]:
    """Yield the pieces of the same answer as `continuous_batching.generate` gives.

    Text that may be the beginning of a stop text, or ends in an incomplete character, is held back.
    """
    prompt = prompt_ids(tokenizer, template, question)
    if len(prompt) >= context:
        yield "(question longer than the student's context)"
        return
    row = GenerationState(question_id, prompt, question_rng(seed, question_id))
    loop, emitted = DecodingLoop(decode_batch, context, tokenizer, template, decoding, [row]), ""
    while loop.step():
        text = _stable_prefix(template, tokenizer.decode(row.ids, skip_special_tokens=True))
        yield text[len(emitted):]
        emitted = text
    yield loop.text(row)[len(emitted):]


def _stable_prefix(template: PromptTemplate, text: str) -> str:
    """The part of the text that no later token can change."""
    text, cut = cut_at_stop(template, text.lstrip())
    held = max((size for stop in template.stop_texts for size in range(1, len(stop)) if text.endswith(stop[:size])),
               default=0)
    text = text if cut else text[: len(text) - held]
    return text.rstrip(_INCOMPLETE).rstrip()
