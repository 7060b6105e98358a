"""Choose a run's cycle on its development questions, so that the locked test decides nothing but the verdict.

Only runs with a development split have this stage.
"""

from __future__ import annotations

from collections.abc import Sequence

from runner.pipeline.stage_context import StageContext
from store.dev_split import DEV
from store.events import ArmsCompared, CandidateRecord, CycleChosen, Event
from store.formatting import plural
from store.metrics import METRICS


def choose_cycle(context: StageContext) -> Sequence[Event]:
    """Choose the cycle with the best mean of the headline metric on the development questions; ties: the earlier one.

    Without any score there, the last cycle is taken.
    """
    metric, cycles = context.config.headline, range(1, context.config.cycles + 1)
    candidates = []
    for cycle in cycles:
        row = next((row for row in context.inputs[f"comparison@{cycle}"].only(ArmsCompared).changes
                    if (row.tier, row.metric, row.topic) == (DEV, metric, "")), None)
        candidates.append(CandidateRecord(cycle, row.tuned if row else None, row.scored if row else 0))
    scored = [(one.value * METRICS[metric].better, -one.cycle) for one in candidates if one.value is not None]
    chosen = -max(scored)[1] if scored else context.config.cycles
    reason = f"best of {plural(len(scored), 'cycle')} on the development questions" if scored else \
        "no cycle has a score on the development questions: the last one is taken"
    return [CycleChosen(chosen, metric, tuple(candidates), reason)]
