"""What an estimate of a teacher's calls holds, and how its cost is put in words."""

from __future__ import annotations

from dataclasses import dataclass

from store.formatting import money


@dataclass(frozen=True)
class TeacherEstimate:
    """A teacher's expected usage and its upper bound; a cost is None if the model's price is not known."""

    teacher: str
    asked: int
    """Number of questions or passages that it is asked about."""
    prompt_tokens: int
    completion_tokens: int
    cost_usd: float | None
    most_calls: int
    most_cost_usd: float | None

    @property
    def tokens_and_price(self) -> str:
        """The expected tokens with their price, within a sentence."""
        price = "its price is not known" if self.cost_usd is None else f"about {money(self.cost_usd)} at list prices"
        return f"about {self.prompt_tokens + self.completion_tokens:,} tokens, {price}"

    @property
    def most(self) -> str:
        """The upper bound, within a sentence."""
        cost = "" if self.most_cost_usd is None else f" and {money(self.most_cost_usd)}"
        return f"at most {self.most_calls:,} calls{cost}"
