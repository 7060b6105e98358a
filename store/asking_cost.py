"""What a person's question to a paid teacher costs at most, before it is asked, and what such questions may still cost.

From above: a token is at least one byte of text, and a reply is taken at its longest. Receipts say what was spent; a
call whose tokens the server did not count is taken at its most.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from store import receipts
from store.clock import before_now
from store.config import OFFLINE_TEACHER, RunConfig
from store.database import Store
from store.playground import LONGEST_QUESTION
from store.prices import cost_usd
from store.receipts import Totals
from store.wording import money

REPLY_TOKENS = 600
"""A teacher's own answer is cut off there."""
AROUND_BYTES = 1000
"""What is said around a question at most: who the teacher is, the rules, the form of the reply."""
MOST_USD_A_DAY = 1.0
"""All questions of people to paid teachers together, in any 24 hours; a run's own limit holds beside it."""
_LONGEST_CHARACTER = 4  # bytes in UTF-8


@dataclass(frozen=True)
class AskingEstimate:
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
class Purse:
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


def estimate(config: RunConfig, question: str | None = None) -> AskingEstimate:
    """What this question costs at most; without one, what the longest would."""
    asked = LONGEST_QUESTION * _LONGEST_CHARACTER if question is None else len(question.encode())
    prompt = AROUND_BYTES + len(config.knowledge_name.encode()) + asked
    return AskingEstimate(config.teacher, prompt, REPLY_TOKENS, cost_usd(config.teacher, prompt, REPLY_TOKENS))


def purse(store: Store, run: str, config: RunConfig) -> Purse | None:
    """What is left for questions to this run's teacher; None where its price is not known.

    A run's `max_cost_usd` holds the run and people's questions on it together.
    """
    most = estimate(config).cost_usd
    if most is None:
        return None
    spent = _cost(config.teacher, receipts.totals_of_questions(store, run), most)
    today = sum(_cost(model, totals, most) for model, totals in
                receipts.totals_by_model(store, before_now(timedelta(days=1))).items())
    limits = [(MOST_USD_A_DAY - today, f"the {money(MOST_USD_A_DAY)} that all questions together may cost in 24 hours")]
    if config.max_cost_usd is not None:
        left = config.max_cost_usd - spent - _cost(config.teacher, receipts.totals(store, run), most)
        limits.append((left, f"the {money(config.max_cost_usd)} that this run's teacher may cost"))
    left, limit = min(limits)
    return Purse(spent, max(0.0, left), limit)


def refusal(store: Store, run: str, config: RunConfig, question: str | None = None) -> str | None:
    """Why the teacher must not be asked this, in words; None where it may."""
    return refused(estimate(config, question), purse(store, run, config))


def refused(asked: AskingEstimate, there: Purse | None) -> str | None:
    """As `refusal`, of what is at hand."""
    most = asked.cost_usd
    if most is None or there is None or most <= there.left_usd:
        return None
    return f"it could cost {money(most)}. {there.sentence()}"


def _cost(model: str, totals: Totals, most: float) -> float:
    """By list price; calls that nobody counted at their most, and what has no price is not counted in USD."""
    known = cost_usd(model, totals.prompt_tokens, totals.completion_tokens)
    return 0.0 if known is None else known + totals.unmetered * most
