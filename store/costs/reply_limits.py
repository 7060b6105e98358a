"""Token limits of replies: how much larger the second limit is when the first one cut a reply off."""

from __future__ import annotations

MAX_REPLY_TOKENS = 8192
"""The longest reply by default, reasoning included (`max_reply_tokens` of a run)."""
FULL_GROWTH_TOKENS = 1024
"""First limits from this size on grow to the bound; smaller ones in proportion."""


def limits_tried(max_tokens: int, bound: int = MAX_REPLY_TOKENS) -> tuple[int, ...]:
    """The limits of a call: the first, and the larger one after a reply that was cut off, where there is one."""
    return tuple(dict.fromkeys((max_tokens, larger_limit(max_tokens, bound))))


def larger_limit(max_tokens: int, bound: int = MAX_REPLY_TOKENS) -> int:
    """The limit of the one further call after a reply that was cut off at `max_tokens`; equal where there is none."""
    return max(max_tokens, min(bound, max_tokens * bound // FULL_GROWTH_TOKENS))
