"""Whether a run's budget for its teacher can be kept, which takes a known price."""

from __future__ import annotations

from store.costs.prices import cost_usd
from store.run_config import OFFLINE_TEACHER, RunConfig


def budget_errors(config: RunConfig) -> list[str]:
    """Why the teacher's budget cannot be kept; empty where it can, or where nothing is paid.

    Raises:
        InvalidPrices: the team's price file cannot be used.
    """
    model, budget = config.teacher, config.max_cost_usd
    pays_nothing = model == OFFLINE_TEACHER or bool(config.from_replies)
    if budget is None or pays_nothing or cost_usd(model, 0, 0, batched=config.teacher_batch) is not None:
        return []
    kind, missing = ("price", "it") if cost_usd(model, 0, 0) is None else ("batch price", "its batch_share")
    return [f"no {kind} is known for {model!r}, so a budget of {budget:g} USD cannot be kept: add {missing} with run "
            "--prices FILE, or leave --max-cost-usd out"]
