"""Estimate what references of another teacher cost before the first call. Pure functions."""

from __future__ import annotations

from collections.abc import Sequence

from store.costs.prices import cost_usd
from store.costs.reply_limits import limits_tried
from store.costs.teacher_estimate import TeacherEstimate

_CHARACTERS_A_TOKEN = 4
_TYPICAL_REPLY = 120
"""Tokens of a reference with its evidence, as JSON."""


class ReferencesEstimate(TeacherEstimate):
    """A teacher's expected usage for references, by questions, and its upper bound."""

    def sentence(self) -> str:
        """Describe the estimate for people, in two sentences."""
        return (f"{self.teacher} will write references to {self.asked:,} questions: {self.tokens_and_price}; stored "
                f"replies cost nothing. Replies that are cut off or unusable are asked for again: {self.most}.")


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
