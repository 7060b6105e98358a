"""Which reasoning effort is asked for, by the setting and the price list."""

from __future__ import annotations

from store.costs.prices import price_of

AUTO, UNSET = "auto", "unset"


def effort_to_send(setting: str, model: str) -> str | None:
    """The value of `reasoning_effort` for a model; None where the option is not sent.

    Args:
        setting: `teacher_effort` or `judge_effort` of a run.
    """
    if setting == AUTO:
        price = price_of(model)
        return "none" if price and price.reasons_by_default else None
    return None if setting == UNSET else setting
