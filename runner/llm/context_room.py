"""How many tokens of a reply still fit, by what a server says of a request that is longer than its context. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence

_CONTEXT = (re.compile(r"(?:context (?:length|window|size)|max_model_len|n_ctx)\D{0,20}(\d[\d,]*)", re.I),
            re.compile(r"max_new_tokens\W+must be <= (\d+)", re.I))
_PROMPT = (re.compile(r"(\d[\d,]*)(?: tokens)? (?:in|from) the (?:messages|prompt|input)", re.I),
           re.compile(r"(\d[\d,]*) (?:input|prompt) tokens", re.I), re.compile(r"given: (\d+)\W+inputs", re.I))
MIN_SHARE = 0.5
"""A smaller share of the tokens that were asked for would cut most replies off: a shorter prompt is better then."""


def room_for_reply(message: str, limit: int) -> int | None:
    """The token limit with which the same prompt fits; None where the message does not tell, or it is too small.

    Args:
        limit: the token limit of the request that was too long.
    """
    context, prompt = _stated(_CONTEXT, message), _stated(_PROMPT, message)
    if context is None or prompt is None:
        return None
    return context - prompt if MIN_SHARE * limit <= context - prompt < limit else None


def _stated(patterns: Sequence[re.Pattern[str]], message: str) -> int | None:
    found = next((match for pattern in patterns if (match := pattern.search(message))), None)
    return int(found[1].replace(",", "")) if found else None
