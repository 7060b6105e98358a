"""Estimate what a chat teacher's facts to study cost before the first call. Pure functions.

Passages are taken to be of typical length. The upper bound adds what may follow a call: one that asks for what was
missed, and a second one with a larger limit where a reply is cut off.
"""

from __future__ import annotations

from store.costs.prices import cost_usd
from store.costs.reply_limits import limits_tried
from store.costs.teacher_estimate import TeacherEstimate
from store.run_config import WRITTEN_STUDY, RunConfig

FACTS_TOKENS = 1600
"""First token limit of a reply: up to six facts with their wordings."""
CALLS = 2
"""Calls a passage at most: its facts, and what was missed."""
_PROMPT, _REPLY = 530, 700
"""Tokens of a typical call: the rules with a passage of 90 tokens; three facts in six wordings with three questions."""


class FactsEstimate(TeacherEstimate):
    """A teacher's expected usage for facts to study, by passages, and its upper bound."""

    def sentence(self) -> str:
        """Describe the estimate for people, in two sentences."""
        return (f"{self.teacher} will write the facts of up to {self.asked:,} passages to be studied: "
                f"{self.tokens_and_price}. Where it misses a key term or a reply is cut off, it is asked again: "
                f"{self.most}.")


def estimate_facts(config: RunConfig) -> FactsEstimate | None:
    """Estimate the usage of a whole run; None if its teacher writes no facts."""
    if not config.fine_tune or config.study not in WRITTEN_STUDY or config.from_replies:
        return None
    passages = config.questions * config.cycles
    limits = limits_tried(FACTS_TOKENS, config.max_reply_tokens)
    prompt, reply, batched = passages * _PROMPT, passages * _REPLY, config.teacher_batch
    return FactsEstimate(config.teacher, passages, prompt, reply, cost_usd(config.teacher, prompt, reply, batched),
                         CALLS * len(limits) * passages,
                         cost_usd(config.teacher, CALLS * len(limits) * prompt, CALLS * sum(limits) * passages,
                                  batched))
