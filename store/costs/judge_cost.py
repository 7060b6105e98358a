"""Estimate the calls, tokens and cost of a run's judge model before the first call. Pure functions.

Answers are assumed to have the maximum length, and cached judgements, which cost nothing, are ignored. The upper bound
adds what may follow a call: a second one with a larger limit where a reply is cut off, and a second attempt at both
where it cannot be read.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from store.costs.prices import cost_usd
from store.costs.reply_limits import MAX_REPLY_TOKENS, limits_tried
from store.headline import headline_wanted, questions_of_test, reading_tier
from store.run_config import RunConfig

AUDITED_QUESTIONS = 4
"""Questions for which the audit plants answers."""
PLANTED_ANSWERS = 7
"""Planted answers per question that are sent to the judge; the empty one is not."""
RETESTED_ANSWERS = 2
"""Planted answers per question that are sent twice."""

REPLY_TOKENS = 2048
"""Token limit of a judge's reply: a verdict with its reason on every statement of a long answer."""
MAX_ATTEMPTS = 2
"""Attempts to get a readable reply before the score is missing."""

_REFERENCE, _PASSAGE, _QUESTION = 70, 90, 25
"""Tokens of a typical reference, passage and question."""


@dataclass(frozen=True)
class TypicalUsage:
    """Calls and tokens of one score by a metric: a fixed number of tokens, plus a multiple of each text's length."""

    calls: int
    prompt: int
    prompt_answers: float
    prompt_references: float
    prompt_passages: float
    reply: int
    reply_answers: float
    reply_references: float


# Fixed parts: RAGAS's instructions and examples at four characters per token, plus our own line. A reply repeats each
# statement and gives a reason for its verdict.
TYPICAL_USAGE: dict[str, TypicalUsage] = {
    #                          calls prompt  A    R    P  reply  A    R
    "factual_correctness": TypicalUsage(4, 2400, 3.0, 3.0, 0.0, 80, 3.0, 3.0),
    "faithfulness":        TypicalUsage(2, 1250, 2.2, 0.0, 1.0, 40, 3.0, 0.0),
    "answer_relevancy":    TypicalUsage(3, 1400, 3.0, 0.0, 0.0, 90, 0.0, 0.0),
}


@dataclass(frozen=True)
class JudgingEstimate:
    """A judge model's expected usage and its upper bound; a cost is None if the model's price is not known."""

    judge: str
    answers: int
    calls: int
    prompt_tokens: int
    completion_tokens: int
    cost_usd: float | None
    most_calls: int
    most_cost_usd: float | None

    def sentence(self) -> str:
        """Describe the estimate for people, in two sentences."""
        price = "its price is not known" if self.cost_usd is None else f"about {self.cost_usd:.2f} USD at list prices"
        most = "" if self.most_cost_usd is None else f" and {self.most_cost_usd:.2f} USD"
        tokens = self.prompt_tokens + self.completion_tokens
        return (f"The judge model {self.judge} will be called about {self.calls:,} times for {self.answers:,} "
                f"answers: about {tokens:,} tokens, {price}. Replies that are cut off or unreadable are asked for "
                f"again: at most {self.most_calls:,} calls{most}.")


def estimate_of(config: RunConfig) -> JudgingEstimate | None:
    """Estimate a run's judge usage, including the audit; None if the run has no judge model."""
    if not config.judge:
        return None
    practice = config.questions + config.paraphrases
    answers = (1 + config.cycles) * (questions_of_test(config) + config.general) + 2 * config.cycles * practice
    of_arms = len(config.arms) * headline_wanted(config)
    if reading_tier(config) != config.headline_tier:  # two arms answer these questions too
        of_arms += 2 * config.held_out
    return estimate(config.judge, answers + of_arms, config.judge_metrics,
                    config.max_new_tokens, min(AUDITED_QUESTIONS, config.held_out), config.max_reply_tokens,
                    config.teacher_batch)


def estimate(judge: str, answers: int, metrics: Sequence[str], answer_tokens: int,
             audited: int = AUDITED_QUESTIONS, max_reply_tokens: int = MAX_REPLY_TOKENS,
             batched: bool = False) -> JudgingEstimate:
    """Estimate the usage of judging `answers` answers of at most `answer_tokens` tokens, and an audit.

    Args:
        metrics: names of the judge's metrics.
        audited: number of questions in the audit.
        max_reply_tokens: bound of a reply that is asked for again, in tokens.
        batched: whether the calls are made in batches, at their price.
    """
    planted = audited * (PLANTED_ANSWERS + RETESTED_ANSWERS)
    calls = prompt = reply = 0.0
    for usage in (TYPICAL_USAGE[metric] for metric in metrics):
        for count, length in ((answers, answer_tokens), (planted, _REFERENCE)):
            calls += count * usage.calls
            prompt += count * (usage.prompt + length * usage.prompt_answers + _REFERENCE * usage.prompt_references
                               + _PASSAGE * usage.prompt_passages + _QUESTION)
            reply += count * (usage.reply + length * usage.reply_answers + _REFERENCE * usage.reply_references)
    limits = limits_tried(REPLY_TOKENS, max_reply_tokens)
    again = MAX_ATTEMPTS * len(limits)
    return JudgingEstimate(judge, answers + planted, round(calls), round(prompt), round(reply),
                           cost_usd(judge, round(prompt), round(reply), batched), again * round(calls),
                           cost_usd(judge, again * round(prompt), MAX_ATTEMPTS * sum(limits) * round(calls), batched))
