"""Read the questions and scores of an evidence pack, as the comparisons of its run read them."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

from store.dev_split import DEV
from store.headline import margin_of, reading_tier
from store.metrics import METRICS
from store.report.pack_differences import Row
from store.run_config import TAUGHT, from_json
from store.statistics import PairedChange, paired_change


class PackScores:
    """The questions of each comparison in order, and the score of each arm on them."""

    def __init__(self, pack: Row) -> None:
        config = from_json(pack["run"]["config"])
        self._config, self._tier, self._has_dev = config, config.headline_tier, config.dev_questions > 0
        self._chosen = pack["asked"]["chosen"]
        self._questions, self._taught = pack["asked"]["questions"], pack["asked"]["taught"]
        self._answers = {(row["cycle"], row["question_id"]): row for row in pack["answers"]}
        self._arms = {(row["arm"], row["question"]): row["scores"] for row in pack["arm_answers"]}

    def margin(self, metric: str) -> float | None:
        """Return the margin of a metric in the run."""
        return margin_of(self._config, metric)

    def reading(self) -> list[Row]:
        """Return the test questions that show whether the student reads better."""
        return self.test(reading_tier(self._config))

    def asked(self, cycle: int) -> list[Row]:
        """Return the questions that the comparison of a cycle covers, in its order."""
        taught, about_taught = self._taught.get(str(cycle)), (TAUGHT, *((DEV,) if self._tier == TAUGHT else ()))
        opened = not self._has_dev or cycle == self._chosen
        return [row for row in self.all(cycle) if (opened or row["cycle"] or row["tier"] == DEV)
                and (taught is None or row["tier"] not in about_taught or row["passage_id"] in taught)]

    def all(self, cycle: int) -> list[Row]:
        """Return the questions that were asked in a cycle or before the first."""
        return [row for row in self._questions if row["cycle"] in (0, cycle)]

    def has_two_answers(self, cycle: int, question: Row) -> bool:
        """Whether both students answered a question in a cycle."""
        row = self._answers.get((cycle, question["question_id"]), {})
        return row.get("baseline") is not None and row.get("tuned") is not None

    def test(self, tier: str) -> list[Row]:
        """Return the test questions of a tier, which the control arms answer."""
        return [row for row in self._questions if row["stage"] == "held-out" and row["tier"] == tier]

    def of(self, arm: str, cycle: int, metric: str, questions: Sequence[Row]) -> list[float | None]:
        """Return an arm's scores; a question without one has None."""
        if arm in ("baseline", "tuned"):
            return [self._answers.get((cycle, row["question_id"]), {}).get(f"{metric}_{arm}") for row in questions]
        return [self._arms.get((arm, row["question_id"]), {}).get(metric) for row in questions]

    def by_passage(self, arm: str, cycle: int, metric: str,
                   questions: Sequence[Row]) -> dict[Hashable, Sequence[float]]:
        """Return the scores of each passage's questions; missing ones are left out."""
        found: dict[Hashable, list[float]] = {}
        for row, value in zip(questions, self.of(arm, cycle, metric, questions), strict=True):
            if value is not None:
                found.setdefault(row["passage_id"], []).append(value)
        return dict(found)

    def metrics(self, cycle: int, questions: Sequence[Row]) -> list[str]:
        """Return the metrics that these questions were scored by in a cycle."""
        named = {name for row in questions for name in self._answers.get((cycle, row["question_id"]), {})}
        return [metric for metric in METRICS if f"{metric}_tuned" in named]


def change_in(scores: PackScores, cycle: int, metric: str, questions: Sequence[Row], arm: str = "tuned",
              against: str = "baseline") -> PairedChange:
    """Return the paired change of one metric on these questions, from one arm to another."""
    measure = METRICS[metric]
    return paired_change(scores.of(against, cycle, metric, questions), scores.of(arm, cycle, metric, questions),
                         [row["passage_id"] for row in questions], measure.better, measure.tie_band)
