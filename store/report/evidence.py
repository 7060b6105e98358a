"""Gather everything recorded of a run that its verdict is based on. Independent of any file format."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from store import events, queries
from store.analysis.choice_baselines import ChoiceBaseline, choice_baselines
from store.analysis.people_and_judges import JudgedByPeople, judged_by_people
from store.analysis.findings import (
    Memorisation, by_topic, cycles_corrected, latest, memorisation, metrics_in, signed_gain,
)
from store.analysis.review_agreement import ReviewAgreement, review_agreement
from store.analysis.reading_verdict import reading_sentence
from store.analysis.group_result import GroupResult, group_result
from store.analysis.required_sample_size import LargerTest, larger_test
from store.data_origin import Origin
from store.analysis.ways_to_answer import WayToAnswer, compared_metrics, ways_to_answer
from store.database import Store
from store.headline import headline_wanted
from store.queries import (
    AnswerPair, ArmAnswer, ArmChange, Audit, ChangeRow, CurveRow, Cycle, GainShare, Gap, Judging, LogEntry, Rating,
    Replacement, Run, RunForecast, StageState, TeacherUsage,
)
from store.queries.data_origin import origins_of
from store.queries.dataset_flags import ItemFlag, flags_of
from store.queries.dataset_items import ItemEntry, item_entries
from store.queries.openings_of_test import openings_of_test
from store.report.asked_questions import AskedQuestions, asked_questions
from store.statistics import CycleFindings, PastVariance, Power, power_before

EXAMPLES_SHOWN = 5
"""Number of best and of worst answers shown on the page; JSON and CSV contain all."""
_ALL = 10_000


@dataclass(frozen=True)
class Evidence:
    """One run with the data behind its verdict."""

    run: Run
    cycles: Sequence[Cycle]
    changes: Sequence[ChangeRow]
    answers: Sequence[AnswerPair]
    """Of every cycle; a test question occurs once per cycle."""
    stages: Sequence[StageState]
    log: Sequence[LogEntry]
    """Newest first, without logged metrics and progress."""
    incidents: Sequence[LogEntry]
    usage: TeacherUsage | None
    judge_usage: TeacherUsage | None
    power: Power
    arms: Sequence[ArmChange]
    gaps: Sequence[Gap]
    replacements: Sequence[Replacement]
    """Whether each fine-tuned student may replace the teacher."""
    shares: Sequence[GainShare]
    """The parts of the gain, by metric."""
    curve: Sequence[CurveRow]
    audits: Sequence[Audit]
    """Validation of each judge on planted answers."""
    judgings: Sequence[Judging]
    group: GroupResult | None
    """The group that the run is part of, over questions and seeds; None for a run of its own."""
    asked: AskedQuestions
    """Every question in the order of the comparisons, and the design that was sealed before the test was asked."""
    origin: Sequence[Origin]
    """Who wrote the questions and references."""
    flags: Sequence[ItemFlag]
    """People's flags on questions and references."""
    edits: Sequence[ItemEntry]
    """What people did with the questions and said about them, oldest first."""
    arm_answers: Sequence[ArmAnswer]
    ratings: Sequence[Rating]
    """People's ratings of answers, of every cycle."""
    openings: int
    """How many tuned students, by run and cycle, have answered this test."""
    forecast: RunForecast | None
    """What was forecast before the run started; None without a forecast."""
    past_variances: Sequence[PastVariance]
    """What the power before the run was estimated from."""
    ways_to_answer: Sequence[WayToAnswer]
    """Teacher, students and verified exports side by side, by each metric that is shown."""
    machine_usd_per_hour: float | None
    """What the machine that answers costs, as the person who asked for the pack said; None if nobody did."""

    @property
    def headline(self) -> str:
        return self.run.config.headline

    @property
    def tier(self) -> str:
        """The tier whose questions decide the verdict."""
        return self.run.config.headline_tier

    @property
    def metrics(self) -> list[str]:
        return metrics_in(self.changes, self.headline)

    @property
    def last_cycle(self) -> int:
        """The last cycle that was compared on the headline test; with a development split the chosen one."""
        of_test = [row.cycle for row in self.changes if row.tier == self.tier]
        return max(of_test or [row.cycle for row in self.changes], default=0)

    @property
    def row(self) -> ChangeRow | None:
        """The row that decides the verdict: the headline metric on the headline test in the last cycle."""
        return latest(self.changes, self.headline, self.tier)

    @property
    def larger_test(self) -> LargerTest | None:
        """What would decide an inconclusive verdict; None for any other."""
        return larger_test(self.run.config, self.row, self.usage, self.judge_usage)

    @property
    def cycle_findings(self) -> CycleFindings | None:
        """All cycles' changes with Holm's correction."""
        return cycles_corrected(self.changes, self.headline, self.tier)

    @property
    def reading(self) -> str:
        """The verdict on reading in one sentence; empty if it was not compared."""
        return reading_sentence(self.arms, self.run.config)

    @property
    def memorisation(self) -> list[Memorisation]:
        return memorisation(self.changes, self.tier)

    @property
    def choice_baselines(self) -> list[ChoiceBaseline]:
        """What the last cycle's headline test can be passed by without knowledge; empty without multiple choice."""
        return choice_baselines([pair for pair in self.answers
                                 if pair.cycle == self.last_cycle and pair.tier == self.tier])

    @property
    def people(self) -> list[JudgedByPeople]:
        """Each metric against people's blind ratings of the last cycle's answers; empty without ratings."""
        return judged_by_people([pair for pair in self.answers if pair.cycle == self.last_cycle],
                                [rating for rating in self.ratings if rating.cycle == self.last_cycle], self.metrics)

    @property
    def reviewers(self) -> ReviewAgreement | None:
        """Agreement of the people who looked at the same questions; None where no two did."""
        return review_agreement(self.edits)

    @property
    def topics(self) -> list[ChangeRow]:
        """Topics of the last cycle's headline test by the headline metric."""
        return [row for row in by_topic(self.changes, self.headline, self.tier) if row.cycle == self.last_cycle]

    def ranked(self, tier: str = "") -> list[AnswerPair]:
        """The last cycle's questions of a tier, by default the headline's, with both arms' scores, worst loss first.

        Sorted by the headline metric; ties by the other metrics in their order.
        """
        scored = [pair for pair in self.answers if pair.cycle == self.last_cycle and pair.tier == (tier or self.tier)
                  and pair.change(self.headline) is not None]
        return sorted(scored,
                      key=lambda pair: [signed_gain(metric, pair.change(metric) or 0.0) for metric in self.metrics])

    def newest(self, kind: type[events.Event]) -> events.Event | None:
        """Return the last event of a kind, such as the run's start with its package versions."""
        return next((item.event for item in self.log if isinstance(item.event, kind)), None)


def gather(store: Store, run_id: str, machine_usd_per_hour: float | None = None) -> Evidence | None:
    """Gather the evidence of a run in any state; None if there is no such run.

    Args:
        machine_usd_per_hour: the price of the machine that answers in a product, if it is known.
    """
    run = queries.find_run(store, run_id)
    if run is None:
        return None
    changes = queries.changes_of(store, run_id)
    cycles = sorted({row.cycle for row in changes}) or [0]
    spreads = queries.past_variances(store, run.config, run.requested_at)
    replacements = queries.replacements_of(store, run_id)
    return Evidence(
        run=run, cycles=queries.cycles_of(store, run_id), changes=changes,
        answers=[pair for cycle in cycles for pair in queries.answers_of(store, run_id, cycle)],
        stages=queries.stages_of(store, run_id), log=queries.latest_events(store, run_id, _ALL),
        incidents=queries.incidents(store, run_id, _ALL), usage=queries.teacher_usage(store, [run_id]).get(run_id),
        judge_usage=queries.teacher_usage(store, [run_id], "judge").get(run_id),
        power=power_before(run.config.headline, headline_wanted(run.config), spreads),
        arms=queries.arm_changes_of(store, run_id), gaps=queries.gaps_of(store, run_id),
        replacements=replacements, shares=queries.gain_shares_of(store, run_id),
        curve=queries.curve_of(store, run_id), audits=queries.audits_of(store, run_id),
        judgings=queries.judgings_of(store, run_id),
        group=group_result(store, run.group) if run.group else None, asked=asked_questions(store, run_id),
        origin=origins_of(store, run_id), flags=flags_of(store, run_id),
        edits=item_entries(store, run_id),
        arm_answers=queries.arm_answers_of(store, run_id), past_variances=spreads,
        ratings=queries.ratings_of(store, run_id), openings=openings_of_test(store, run),
        forecast=queries.forecast_of(store, run_id), machine_usd_per_hour=machine_usd_per_hour,
        ways_to_answer=[one for metric in compared_metrics(run, replacements)
                        for one in ways_to_answer(store, run, metric, machine_usd_per_hour)])
