"""Which adapter of a run scored best on what was held out, and why that says less than it seems."""

from __future__ import annotations

from dataclasses import dataclass

from store.database import Store
from store.metrics import METRICS
from store.queries.run_progress import changes_of, cycles_of
from store.queries.runs import find_run

_HEADLINE_TIER = "held-out"


@dataclass(frozen=True)
class BestAdapter:
    """The adapter with the best held-out score of the metric that the run named beforehand."""

    run: str
    cycle: int
    adapter: str
    """Folder relative to the run's folder."""
    sha256: str | None
    metric: str
    score: float
    scored: int
    """Questions that the score rests on."""
    candidates: int
    """Cycles whose adapter was scored."""

    @property
    def sentence(self) -> str:
        """The choice, and the warning that belongs to it."""
        said = (f"Best adapter by held-out {METRICS[self.metric].title.lower()}: cycle {self.cycle} "
                f"({self.score:.2f} over {self.scored} questions).")
        if self.candidates == 1:
            return said
        return (f"{said} It is the best of {self.candidates}, picked by the very test that scored it, so expect less "
                "of it on other questions; the run's verdict is its last cycle's.")


def best_adapter(store: Store, run: str) -> BestAdapter | None:
    """The best adapter of a run; None where none was scored on held-out questions."""
    asked = find_run(store, run)
    if asked is None:
        return None
    metric = asked.config.headline
    trained = {cycle.cycle: cycle for cycle in cycles_of(store, run) if cycle.adapter}
    scored = [(row.tuned, row) for row in changes_of(store, run)
              if (row.tier, row.topic, row.metric) == (_HEADLINE_TIER, "", metric) and row.tuned is not None
              and row.cycle in trained]
    if not scored:
        return None
    score, row = max(scored, key=lambda item: (item[0] * METRICS[metric].better, -item[1].cycle))
    cycle = trained[row.cycle]
    return BestAdapter(run, row.cycle, cycle.adapter or "", cycle.adapter_sha256, metric, score, row.scored,
                       len(scored))
