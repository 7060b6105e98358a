"""The spending limit of a run: checked before each call to a paid model."""

from __future__ import annotations

from runner.llm.errors import CostLimitReached


def check_cost_limit(spent_usd: float | None, limit_usd: float | None) -> None:
    """Check that another call may be made.

    Args:
        spent_usd: cost so far at list prices; None where it is unknown, which no limit can hold.
        limit_usd: `--max-cost-usd`; None for no limit.

    Raises:
        CostLimitReached: the limit is reached.
    """
    if spent_usd is not None and limit_usd is not None and spent_usd >= limit_usd:
        raise CostLimitReached(f"the run has cost {spent_usd:.4f} USD of the {limit_usd:g} USD that it may cost")
