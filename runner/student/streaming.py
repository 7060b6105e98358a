"""One answer piece by piece: the loop of `generation`, listened to while it runs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from runner.roles import Decoding
from runner.student.generation import Loop, Row, random_stream
from runner.student.prompt import PromptForm, cut_at_stop, prompt_ids
from runner.student.rows import Rows

_HALF = "\ufffd"  # what the tokenizer makes of a character whose bytes are not all there yet


def stream(rows: Rows, context: int, tokenizer: Any, form: PromptForm, question_id: str, question: str,
           decoding: Decoding, seed: int) -> Iterator[str]:
    """The same answer as `generation.generate` gives, told as far as it is certain.

    A piece is held back while it may be the beginning of a stop text, or ends in half a character.
    """
    prompt = prompt_ids(tokenizer, form, question)
    if len(prompt) >= context:
        yield "(question longer than the student's context)"
        return
    row = Row(question_id, prompt, random_stream(seed, question_id))
    loop, told = Loop(rows, context, tokenizer, form, decoding, [row]), ""
    while loop.turn():
        text = _certain(form, tokenizer.decode(row.ids, skip_special_tokens=True))
        yield text[len(told):]
        told = text
    yield loop.text(row)[len(told):]


def _certain(form: PromptForm, text: str) -> str:
    """What no later token can take back."""
    text, cut = cut_at_stop(form, text.lstrip())
    held = max((size for stop in form.stop_texts for size in range(1, len(stop)) if text.endswith(stop[:size])),
               default=0)
    text = text if cut else text[: len(text) - held]
    return text.rstrip(_HALF).rstrip()
