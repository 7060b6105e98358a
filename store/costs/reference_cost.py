"""Estimate what references of another teacher cost before the first call. Pure functions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from store.costs.prices import cost_usd
from store.costs.reply_limits import limits_tried
from store.formatting import money

_CHARACTERS_A_TOKEN = 4
_TYPICAL_REPLY = 120
"""Tokens of a reference with its evidence, as JSON."""


@dataclass(frozen=True)
class ReferencesEstimate:
    """A teacher's expected usage and its upper bound; a cost is None if the model's price is not known."""

    teacher: str
    questions: int
    prompt_tokens: int
    completion_tokens: int
    cost_usd: float | None
    most_calls: int
    most_cost_usd: float | None

    def sentence(self) -> str:
        """Describe the estimate for people, in two sentences."""
        price = "its price is not known" if self.cost_usd is None else f"about {money(self.cost_usd)} at list prices"
        most = "" if self.most_cost_usd is None else f" and {money(self.most_cost_usd)}"
        return (f"{self.teacher} will write references to {self.questions:,} questions: about "
                f"{self.prompt_tokens + self.completion_tokens:,} tokens, {price}; stored replies cost nothing. "
                f"Replies that are cut off or unusable are asked for again: at most {self.most_calls:,} calls{most}.")


def estimate_references(teacher: str, prompts: Sequence[int], reply_tokens: int, attempts: int,
                        max_reply_tokens: int) -> ReferencesEstimate:
    """Estimate the usage of a reference to each question.

    Args:
        teacher: name of the model.
        prompts: length of each question's prompt, in characters.
        reply_tokens: first token limit of a reply.
        attempts: how often one reference is asked for at most.
        max_reply_tokens: bound of a reply that is asked for again after it was cut off, in tokens.
    """
    prompt, limits = sum(prompts) // _CHARACTERS_A_TOKEN, limits_tried(reply_tokens, max_reply_tokens)
    reply, again = _TYPICAL_REPLY * len(prompts), attempts * len(limits)
    return ReferencesEstimate(teacher, len(prompts), prompt, reply, cost_usd(teacher, prompt, reply),
                              again * len(prompts),
                              cost_usd(teacher, again * prompt, attempts * sum(limits) * len(prompts)))
