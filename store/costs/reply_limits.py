"""Token limits of replies: how much larger the second limit is when the first one cut a reply off."""

from __future__ import annotations

MAX_REPLY_TOKENS = 8192
"""No reply may be longer, reasoning included."""
GROWTH = 8


def larger_limit(max_tokens: int) -> int:
    """The limit of the one further call after a reply that was cut off at `max_tokens`; equal where there is none."""
    return max(max_tokens, min(MAX_REPLY_TOKENS, GROWTH * max_tokens))
