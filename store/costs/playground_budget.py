"""Estimate the cost of a playground question to a paid teacher before it is sent, and compute the remaining budget.

Estimates are upper bounds: a token has at least one byte of text, and a reply the maximum length. The spent amount is
summed up from the stored calls; a call without token counts is charged at its upper bound.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from store.commands.playground import MAX_QUESTION_LENGTH
from store.costs import llm_calls
from store.costs.llm_calls import UsageTotals
from store.costs.prices import cost_usd
from store.costs.reply_limits import larger_limit
from store.database import Store
from store.formatting import money
from store.run_config import OFFLINE_TEACHER, RunConfig
from store.timestamps import before_now

REPLY_TOKENS = 600
"""Token limit of a teacher's answer."""
PROMPT_OVERHEAD_BYTES = 1000
"""Upper bound of the prompt's text around a question: the teacher's role, the rules, the form of the reply."""
MAX_USD_PER_DAY = 1.0
"""Limit for all playground questions to paid teachers in any 24 hours; a run's own limit applies as well."""
_MAX_BYTES_PER_CHARACTER = 4  # UTF-8


@dataclass(frozen=True)
class QuestionCostEstimate:
    """Upper bound of one question's usage; `cost_usd` is None if the model's price is not known."""

    teacher: str
    prompt_tokens: int
    completion_tokens: int
    cost_usd: float | None

    def sentence(self) -> str:
        """Describe the estimate for people; the teacher's name in it is untrusted text."""
        if self.cost_usd is None:
            return (f"No price is known for the teacher {self.teacher}: the cost of a question is unknown, so no USD "
                    "limit applies. Its tokens are counted.")
        return (f"One question to the teacher {self.teacher} costs at most {money(self.cost_usd)} at list prices "
                f"({self.prompt_tokens + self.completion_tokens:,} tokens).")


@dataclass(frozen=True)
class RemainingBudget:
    """Spent and remaining playground budget of a run's teacher. Exists only if the teacher's price is known."""

    spent_usd: float
    """By playground questions to this run's teacher."""
    left_usd: float
    limit: str
    """Description of the limit that leaves the least."""

    def sentence(self) -> str:
        """Describe what is left, and of which limit."""
        return (f"Questions on this run have cost {money(self.spent_usd)}; {money(self.left_usd)} is left of "
                f"{self.limit}.")


def is_paid(config: RunConfig) -> bool:
    """Whether a call to the teacher may cost money."""
    return config.teacher != OFFLINE_TEACHER


def estimate(config: RunConfig, question: str | None = None) -> QuestionCostEstimate:
    """Return the upper bound for this question, or without one for the longest question allowed."""
    question_bytes = MAX_QUESTION_LENGTH * _MAX_BYTES_PER_CHARACTER if question is None else len(question.encode())
    prompt = PROMPT_OVERHEAD_BYTES + len(config.knowledge_name.encode()) + question_bytes
    # A reply that is cut off is asked for once more, with a larger limit.
    prompt, reply = 2 * prompt, REPLY_TOKENS + larger_limit(REPLY_TOKENS, config.max_reply_tokens)
    return QuestionCostEstimate(config.teacher, prompt, reply, cost_usd(config.teacher, prompt, reply))


def remaining_budget(store: Store, run: str, config: RunConfig) -> RemainingBudget | None:
    """Return what is left for questions to this run's teacher; None if its price is not known.

    A run's `max_cost_usd` limits the run and its playground questions together.
    """
    upper_bound = estimate(config).cost_usd
    if upper_bound is None:
        return None
    spent = _cost(config.teacher, llm_calls.playground_usage(store, run), upper_bound)
    today = sum(_cost(model, totals, upper_bound) for model, totals in
                llm_calls.playground_usage_by_model(store, before_now(timedelta(days=1))).items())
    limits = [(MAX_USD_PER_DAY - today,
               f"the {money(MAX_USD_PER_DAY)} that all questions together may cost in 24 hours")]
    if config.max_cost_usd is not None:
        left = config.max_cost_usd - spent - _cost(config.teacher, llm_calls.run_usage(store, run), upper_bound)
        limits.append((left, f"the {money(config.max_cost_usd)} that this run's teacher may cost"))
    left, limit = min(limits)
    return RemainingBudget(spent, max(0.0, left), limit)


def budget_refusal(store: Store, run: str, config: RunConfig, question: str | None = None) -> str | None:
    """Return why the budget does not allow this question; None if it does."""
    return check_budget(estimate(config, question), remaining_budget(store, run, config))


def check_budget(question: QuestionCostEstimate, remaining: RemainingBudget | None) -> str | None:
    """As `budget_refusal`, for a given estimate and remaining budget."""
    cost = question.cost_usd
    if cost is None or remaining is None or cost <= remaining.left_usd:
        return None
    return f"it could cost {money(cost)}. {remaining.sentence()}"


def _cost(model: str, totals: UsageTotals, upper_bound: float) -> float:
    """Cost at list prices, with calls without token counts at their upper bound; 0 if the price is not known."""
    known = llm_calls.cost_of(model, totals)
    return 0.0 if known is None else known + totals.unmetered * upper_bound
