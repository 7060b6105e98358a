"""Find a run's adapter with the best held-out score, with a warning about selecting on the test set."""

from __future__ import annotations

from dataclasses import dataclass

from store.database import Store
from store.metrics import METRICS
from store.queries.run_progress import changes_of, cycles_of
from store.queries.runs import find_run
from store.statistics import title_in_sentence


@dataclass(frozen=True)
class BestAdapter:
    """The adapter with the best held-out score by the run's headline metric."""

    run: str
    cycle: int
    adapter: str
    """Folder relative to the run's folder."""
    sha256: str | None
    metric: str
    score: float
    scored: int
    """Number of questions behind the score."""
    candidates: int
    """Number of cycles whose adapter was scored."""
    untrained: float | None = None
    """Score of the untrained student on the same questions."""

    @property
    def beats_untrained(self) -> bool:
        """Whether its score is better than that of the untrained student; True where that is unknown."""
        better = METRICS[self.metric].better
        return self.untrained is None or self.score * better > self.untrained * better

    @property
    def sentence(self) -> str:
        """The choice, with the warning about selection on the test set where there were several."""
        choice = (f"Best adapter by {title_in_sentence(METRICS[self.metric].title)} on the test: cycle {self.cycle} "
                  f"({self.score:.2f} over {self.scored} questions).")
        if not self.beats_untrained:
            found = "no cycle's adapter scores" if self.candidates > 1 else "the adapter does not score"
            choice = (f"By {title_in_sentence(METRICS[self.metric].title)} on the test, {found} better than the "
                      f"untrained student ({self.untrained:.2f}); cycle {self.cycle} comes to {self.score:.2f} over "
                      f"{self.scored} questions.")
        if self.candidates == 1:
            return choice
        return (f"{choice} It is the best of {self.candidates}, picked by the very test that scored it, so expect less "
                "on other questions; the run's verdict is that of its last cycle.")


def best_adapter(store: Store, run: str) -> BestAdapter | None:
    """Return a run's best adapter; None if none was scored on held-out questions."""
    found = find_run(store, run)
    if found is None:
        return None
    metric = found.config.headline
    trained = {cycle.cycle: cycle for cycle in cycles_of(store, run) if cycle.adapter}
    scored = [(row.tuned, row) for row in changes_of(store, run)
              if (row.tier, row.topic, row.metric) == (found.config.headline_tier, "", metric) and row.tuned is not None
              and row.cycle in trained]
    if not scored:
        return None
    score, row = max(scored, key=lambda item: (item[0] * METRICS[metric].better, -item[1].cycle))
    cycle = trained[row.cycle]
    return BestAdapter(run, row.cycle, cycle.adapter or "", cycle.adapter_sha256, metric, score, row.scored,
                       len(scored), row.baseline)
