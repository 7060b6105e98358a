"""Find the adapter of a run that is kept: the last cycle's, or the one that was chosen on development questions."""

from __future__ import annotations

from dataclasses import dataclass

from store.database import Store
from store.dev_split import DEV
from store.metrics import METRICS
from store.queries.run_progress import changes_of, cycles_of
from store.queries.runs import find_run
from store.statistics import title_in_sentence


@dataclass(frozen=True)
class BestAdapter:
    """The adapter that export and `ask` use by default, with its score by the run's headline metric."""

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
    chosen_on_dev: bool = False
    """Whether the score is that of the development questions on which the cycle was chosen."""
    untrained: float | None = None
    """Score of the untrained student on the same questions."""

    @property
    def beats_untrained(self) -> bool:
        """Whether its score is better than that of the untrained student; True where that is unknown."""
        better = METRICS[self.metric].better
        return self.untrained is None or self.score * better > self.untrained * better

    @property
    def sentence(self) -> str:
        """Which cycle's adapter it is and why, with the warning about selection on the test."""
        score = f"{title_in_sentence(METRICS[self.metric].title)} {self.score:.2f} over {self.scored} questions"
        if not self.beats_untrained:
            score += f", not better than the untrained student's {self.untrained:.2f}"
        if self.chosen_on_dev:
            return (f"Cycle {self.cycle}, chosen among {self.candidates} on the development questions ({score}); the "
                    "test was answered by this cycle's student alone.")
        if self.candidates == 1:
            return f"Cycle {self.cycle} ({score})."
        return (f"The last cycle, {self.cycle} ({score}). The best of {self.candidates} is not picked by the very test "
                "that scored them: it would look better than it is. With --dev-questions a run chooses its cycle on "
                "other questions.")


    def sentence_on(self, cycle: int) -> str:
        """Return which cycle's adapter is used and why, also where a person named another cycle than the kept one."""
        if cycle == self.cycle or self.candidates == 1:
            return self.sentence
        if self.chosen_on_dev:
            return (f"Cycle {cycle} was named by hand. Cycle {self.cycle} was chosen among {self.candidates} on the "
                    "development questions, and the test was answered by its student alone: of this one it says "
                    "nothing.")
        return (f"Cycle {cycle} was named by hand, without development questions, where {self.candidates} cycles had "
                "answered the test: if the test's scores chose it, they are better than it is.")


def best_adapter(store: Store, run: str) -> BestAdapter | None:
    """Return a run's adapter to keep; None if none was scored on the questions that decide."""
    found = find_run(store, run)
    if found is None:
        return None
    metric, dev = found.config.headline, found.config.dev_questions > 0
    tier = DEV if dev else found.config.headline_tier
    trained = {cycle.cycle: cycle for cycle in cycles_of(store, run) if cycle.adapter}
    scored = [(row.tuned, row) for row in changes_of(store, run)
              if (row.tier, row.topic, row.metric) == (tier, "", metric) and row.tuned is not None
              and row.cycle in trained]
    if not scored:
        return None
    better = METRICS[metric].better if dev else 0  # without a development split only the cycle's number counts
    score, row = max(scored, key=lambda item: (item[0] * better, -item[1].cycle if dev else item[1].cycle))
    cycle = trained[row.cycle]
    return BestAdapter(run, row.cycle, cycle.adapter or "", cycle.adapter_sha256, metric, score, row.scored,
                       len(scored), dev, row.baseline)
