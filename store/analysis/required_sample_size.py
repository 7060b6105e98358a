"""What an inconclusive verdict still needs: what the test could see, how many questions decide, and their cost."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass

from store.formatting import money
from store.headline import headline_wanted, margin_of, questions_in_all
from store.queries import ChangeRow, TeacherUsage
from store.run_config import OFFLINE_TEACHER, RANGES, TAUGHT, RunConfig
from store.statistics import INCONCLUSIVE, min_pairs_within, minimum_detectable_effect, pairs_to_decide


@dataclass(frozen=True)
class LargerTest:
    """The test that would decide an inconclusive verdict, from the spread of scores that its run measured."""

    metric: str
    margin: float
    questions_had: int
    detectable: float | None
    """The smallest change that the run's own test could have seen (80% power)."""
    questions: int
    """Questions that decide with 80% power, whether the true change is as large as the margin or none."""
    askable: int
    """As many of them as one run can ask."""
    detectable_then: float | None
    """The smallest change that `askable` questions see."""
    cost_usd: float | None
    """Cost of a whole run with `askable` questions, at this run's own bill for each question; None if unknown."""
    free: bool
    """Whether no call of such a run costs anything."""
    config: RunConfig
    """The run's configuration with that many questions."""

    def sentence(self) -> str:
        """Describe it for a person; what the run's own test could have seen is in the verdict's sentence."""
        told = (f"About {self.questions:,} questions would see a change of {self.margin:g}, or show that there is "
                "none")
        if self.askable < self.questions:
            told += (f"; one run can ask {self.askable:,} at most, which would see about "
                     f"{self.detectable_then or math.nan:.2f}")
        return f"{told}. {self._cost()}"

    def _cost(self) -> str:
        if self.free:
            return "The offline teacher costs nothing."
        if self.cost_usd is None:
            return "The cost is unknown: this run has no bill with known prices."
        return (f"A run with {self.askable:,} questions would cost about {money(self.cost_usd)}, at this run's own "
                "cost for each question.")


def larger_test(config: RunConfig, decides: ChangeRow | None, teacher: TeacherUsage | None,
                judge: TeacherUsage | None) -> LargerTest | None:
    """Return what would decide; None unless the verdict is inconclusive.

    Args:
        config: the run's.
        decides: the change that the verdict rests on.
        teacher: what the run's teacher used; None if it made no calls.
        judge: likewise for its judge model.
    """
    margin = margin_of(config, config.headline)
    if decides is None or decides.verdict != INCONCLUSIVE or margin is None or not decides.spread:
        return None
    questions = max(pairs_to_decide(margin, decides.spread), min_pairs_within(margin))
    larger = with_questions(config, questions)
    askable = headline_wanted(larger)
    return LargerTest(config.headline, margin, decides.scored,
                      minimum_detectable_effect(decides.scored, decides.spread), questions, askable,
                      minimum_detectable_effect(askable, decides.spread), _cost(config, larger, teacher, judge),
                      config.teacher == OFFLINE_TEACHER and not config.judge, larger)


def with_questions(config: RunConfig, questions: int) -> RunConfig:
    """Return the configuration with so many questions in its headline test, or as many as a run can ask.

    A test on taught facts has one question for each fact: more questions need more facts, and then more cycles. A
    shared test set has the size that it has, so the run gets a test of its own.
    """
    if config.headline_tier != TAUGHT:
        return dataclasses.replace(config, held_out=min(questions, _most("held_out")), held_out_set="")
    wanted = min(questions, _most("taught_questions"), _most("questions") * _most("cycles"))
    cycles = max(config.cycles, math.ceil(wanted / _most("questions")))
    facts = max(config.questions, math.ceil(wanted / cycles))
    return dataclasses.replace(config, taught_questions=max(config.taught_questions, wanted), questions=facts,
                               cycles=cycles, held_out_set="")


def _most(field: str) -> int:
    return int(RANGES[field][1])


def _cost(config: RunConfig, larger: RunConfig, teacher: TeacherUsage | None,
          judge: TeacherUsage | None) -> float | None:
    """Scale the run's bill by the number of questions; None if a part of it is unknown."""
    bills = [usage.cost_usd if usage else None for usage, called in (
        (teacher, config.teacher != OFFLINE_TEACHER), (judge, bool(config.judge))) if called]
    known = [bill for bill in bills if bill is not None]
    if len(known) < len(bills):
        return None
    return sum(known) * questions_in_all(larger) / questions_in_all(config)
