"""List prices of models' tokens; for a model that is not listed the cost is unknown, and only tokens are counted."""

from __future__ import annotations

import re
from dataclasses import dataclass

_DATED = re.compile(r"-\d{4}-\d{2}-\d{2}$")


@dataclass(frozen=True)
class Price:
    """US dollars per million tokens."""

    prompt_usd: float
    completion_usd: float
    source: str


PRICES: dict[str, Price] = {
    "gpt-4o-mini": Price(0.15, 0.60, "OpenAI price list, 2024-07"),
}


def cost_usd(model: str, prompt_tokens: int, completion_tokens: int) -> float | None:
    """Return the cost at list prices, None if unknown; a dated name (`gpt-4o-mini-2024-07-18`) costs as its family."""
    price = PRICES.get(_DATED.sub("", model))
    if price is None:
        return None
    return (prompt_tokens * price.prompt_usd + completion_tokens * price.completion_usd) / 1_000_000
