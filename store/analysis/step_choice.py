"""Say which step's adapter each cycle kept by its development questions, from the cycle's recorded training. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from store.formatting import number, plural
from store.metrics import METRICS
from store.queries import Cycle
from store.statistics import title_in_sentence


def step_sentences(cycles: Sequence[Cycle]) -> list[str]:
    """Return a sentence for each cycle that kept its best step; empty in runs that keep the last one."""
    return [f"Cycle {cycle.cycle} kept {step_sentence(cycle.training['chosen'])}" for cycle in cycles
            if cycle.training and cycle.training.get("chosen")]


def step_sentence(chosen: Mapping[str, Any]) -> str:
    """Return what was kept and why, as the end of a sentence.

    Args:
        chosen: the fields of a recorded `StepChosen`.
    """
    evaluations = chosen["evaluations"]
    kept = next(one for one in evaluations if one["step"] == chosen["step"])
    if kept["value"] is None:
        return (f"step {chosen['step']} of {chosen['of_steps']}, the last one: no development question asks about what "
                "was taught so far.")
    stopped = f"; training stopped early after step {evaluations[-1]['step']}" if chosen["stopped_early"] else ""
    return (f"step {chosen['step']} of {chosen['of_steps']}, the best of {plural(len(evaluations), 'evaluation')} on "
            f"the development questions by {title_in_sentence(METRICS[chosen['metric']].title)} "
            f"({number(kept['value'], 2)} over {plural(kept['scored'], 'question')}){stopped}.")
