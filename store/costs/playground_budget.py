"""What a person's question to a paid teacher costs at most, before it is asked, and what such questions may still cost.

From above: a token is at least one byte of text, and a reply is taken at its longest. Receipts say what was spent; a
call whose tokens the server did not count is taken at its most.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from store.commands.playground import MAX_QUESTION_LENGTH
from store.config import OFFLINE_TEACHER, RunConfig
from store.costs import llm_calls
from store.costs.llm_calls import UsageTotals
from store.costs.prices import cost_usd
from store.database import Store
from store.formatting import money
from store.timestamps import before_now

REPLY_TOKENS = 600
"""A teacher's own answer is cut off there."""
PROMPT_OVERHEAD_BYTES = 1000
"""What is said around a question at most: who the teacher is, the rules, the form of the reply."""
MAX_USD_PER_DAY = 1.0
"""All questions of people to paid teachers together, in any 24 hours; a run's own limit holds beside it."""
_MAX_BYTES_PER_CHARACTER = 4  # bytes in UTF-8


@dataclass(frozen=True)
class QuestionCostEstimate:
    """What one question takes at most; `cost_usd` is None where the model's price is not known."""

    teacher: str
    prompt_tokens: int
    completion_tokens: int
    cost_usd: float | None

    def sentence(self) -> str:
        """The estimate as people read it; the teacher's name is somebody's text."""
        if self.cost_usd is None:
            return (f"No price is known for the teacher {self.teacher}: nobody can say what a question costs, and no "
                    "limit in USD can hold it. Its tokens are counted.")
        return (f"One question to the teacher {self.teacher} costs at most {money(self.cost_usd)} at list prices "
                f"({self.prompt_tokens + self.completion_tokens:,} tokens).")


@dataclass(frozen=True)
class RemainingBudget:
    """What questions to a run's teacher have cost, and may still cost. Only where the teacher's price is known."""

    spent_usd: float
    """By people's questions to this run's teacher."""
    left_usd: float
    limit: str
    """Which limit leaves least, in words."""

    def sentence(self) -> str:
        """How much is left, and of what."""
        return (f"Questions on this run have cost {money(self.spent_usd)}; {money(self.left_usd)} is left of "
                f"{self.limit}.")


def is_paid(config: RunConfig) -> bool:
    """Whether asking the teacher is a call that somebody may have to pay for."""
    return config.teacher != OFFLINE_TEACHER


def estimate(config: RunConfig, question: str | None = None) -> QuestionCostEstimate:
    """What this question costs at most; without one, what the longest would."""
    asked = MAX_QUESTION_LENGTH * _MAX_BYTES_PER_CHARACTER if question is None else len(question.encode())
    prompt = PROMPT_OVERHEAD_BYTES + len(config.knowledge_name.encode()) + asked
    return QuestionCostEstimate(config.teacher, prompt, REPLY_TOKENS, cost_usd(config.teacher, prompt, REPLY_TOKENS))


def remaining_budget(store: Store, run: str, config: RunConfig) -> RemainingBudget | None:
    """What is left for questions to this run's teacher; None where its price is not known.

    A run's `max_cost_usd` holds the run and people's questions on it together.
    """
    most = estimate(config).cost_usd
    if most is None:
        return None
    spent = _cost(config.teacher, llm_calls.playground_usage(store, run), most)
    today = sum(_cost(model, totals, most) for model, totals in
                llm_calls.playground_usage_by_model(store, before_now(timedelta(days=1))).items())
    limits = [(MAX_USD_PER_DAY - today,
               f"the {money(MAX_USD_PER_DAY)} that all questions together may cost in 24 hours")]
    if config.max_cost_usd is not None:
        left = config.max_cost_usd - spent - _cost(config.teacher, llm_calls.run_usage(store, run), most)
        limits.append((left, f"the {money(config.max_cost_usd)} that this run's teacher may cost"))
    left, limit = min(limits)
    return RemainingBudget(spent, max(0.0, left), limit)


def budget_refusal(store: Store, run: str, config: RunConfig, question: str | None = None) -> str | None:
    """Why the teacher must not be asked this, in words; None where it may."""
    return check_budget(estimate(config, question), remaining_budget(store, run, config))


def check_budget(asked: QuestionCostEstimate, there: RemainingBudget | None) -> str | None:
    """As `budget_refusal`, of what is at hand."""
    most = asked.cost_usd
    if most is None or there is None or most <= there.left_usd:
        return None
    return f"it could cost {money(most)}. {there.sentence()}"


def _cost(model: str, totals: UsageTotals, most: float) -> float:
    """By list price; calls that nobody counted at their most, and what has no price is not counted in USD."""
    known = cost_usd(model, totals.prompt_tokens, totals.completion_tokens)
    return 0.0 if known is None else known + totals.unmetered * most
