"""Who could answer in a product, side by side: teacher, student, student with retrieval, and what was exported of it.

For each its score on the same test, seconds, price and size; of an export also what it keeps of the gain. What was not
measured, and what has no price, is None.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath

from store import events, queries
from store.analysis.export_verdict import DEQUANTIZED
from store.analysis.findings import latest
from store.control_arms import BASELINE, TEACHER, TUNED, TUNED_RETRIEVAL
from store.costs.answer_costs import Speed, Timing, machine_usd_per_1000, speed_of
from store.costs.break_even import break_even
from store.costs.prices import cost_usd
from store.database import Store
from store.metrics import METRICS
from store.queries import AnswerPair, Run
from store.queries.answer_timings import closed_book_usage, timings_of
from store.run_config import OFFLINE_TEACHER
from store.statistics import MIN_PAIRS, GapClosed, PairedChange, gap_closed, paired_change

TITLES = {TEACHER: "Teacher", TUNED: "Student, fine-tuned", TUNED_RETRIEVAL: "Student, fine-tuned, with retrieval"}


@dataclass(frozen=True)
class WayToAnswer:
    """One of those who could answer, by one metric on the questions that decide the verdict."""

    title: str
    metric: str
    score: float | None
    speed: Speed
    one_at_a_time: bool
    """Whether each question was asked alone, so that the seconds are what a person waits."""
    usd_per_1000: float | None
    """What 1,000 answers cost: the teacher's at list price, a student's by the price of the machine."""
    break_even: int | None
    """From how many answers on it is cheaper than the teacher, what the run cost included."""
    size_bytes: int | None = None
    outcome: str = ""
    """Of an export: same as measured, different or inconclusive."""
    change: PairedChange | None = None
    """Of an export: the paired change from the recorded student."""
    kept: GapClosed | None = None
    """Of an export: its share of the recorded student's gain."""

    @property
    def kept_missing(self) -> str:
        """Why there is no share of the gain; empty where there is one, and for all but exports."""
        if self.kept is None or self.kept.closed is not None:
            return ""
        return (f"fewer than {MIN_PAIRS} questions have all three scores" if self.kept.scored < MIN_PAIRS else
                "the gain is not clearly above zero")

    @property
    def kept_sentence(self) -> str:
        """What an export keeps of the gain, with its interval; empty where it has none."""
        kept = self.kept
        if kept is None or kept.closed is None or kept.low is None or kept.high is None:
            return ""
        size = "" if self.size_bytes is None else f" ({self.size_bytes / 1e6:,.0f} MB)"
        return (f"{self.title}{size} keeps {100 * kept.closed:.0f}% of the gain by {METRICS[self.metric].title} "
                f"({100 * kept.low:.0f} to {100 * kept.high:.0f}, n = {kept.scored}).")


def ways_to_answer(store: Store, run: Run, metric: str, machine_usd_per_hour: float | None = None) -> list[WayToAnswer]:
    """Return everybody who answered the run's test, the teacher first, then students, then exports by name.

    Args:
        machine_usd_per_hour: what the machine that answers costs; None leaves the students without a price.
    """
    tuned = latest(queries.changes_of(store, run.id), metric, run.config.headline_tier)
    if tuned is None or tuned.tuned is None:
        return []
    timings = {arm: [Timing(*one) for one in found]
               for arm, found in timings_of(store, run.id, tuned.cycle, run.config.headline_tier).items()}
    arms = {row.arm: row.after for row in queries.arm_changes_of(store, run.id)
            if row.metric == metric and row.against == BASELINE}
    teacher_price = _teacher_usd_per_1000(store, run)
    making = _making_usd(store, run, machine_usd_per_hour)

    def student(title: str, score: float | None, speed: Speed) -> WayToAnswer:
        price = machine_usd_per_1000(speed.mean_seconds, machine_usd_per_hour)
        return WayToAnswer(title, metric, score, speed, False, price, break_even(making, teacher_price, price))

    found = [student(TITLES[TUNED], tuned.tuned, speed_of(timings.get(TUNED, [])))]
    if TUNED_RETRIEVAL in arms:
        found.append(student(TITLES[TUNED_RETRIEVAL], arms[TUNED_RETRIEVAL],
                             speed_of(timings.get(TUNED_RETRIEVAL, []))))
    if TEACHER in arms or teacher_price is not None:
        found.insert(0, WayToAnswer(TITLES[TEACHER], metric, arms.get(TEACHER), speed_of(timings.get(TEACHER, [])),
                                    True, teacher_price, None))
    exports = _newest_by_name(store, run.id, tuned.cycle)
    deciding = {pair.question: pair for pair in queries.answers_of(
        store, run.id, tuned.cycle, tier=run.config.headline_tier, metric=metric)} if exports else {}
    for recorded in exports:
        found.append(of_export(recorded, metric, deciding, (machine_usd_per_hour, making, teacher_price)))
    return found


def of_export(export: events.ExportVerified, metric: str, deciding: Mapping[str, AnswerPair],
              prices: tuple[float | None, float | None, float | None]) -> WayToAnswer:
    """Return a verified export beside the student that it was exported of.

    Args:
        deciding: the questions that decide the verdict, with both students' recorded scores.
        prices: of the machine per hour, of the run, and of 1,000 of the teacher's answers.
    """
    machine, making, teacher = prices
    scores = {score.question_id: score for score in export.scores
              if score.metric == metric and score.question_id in deciding}
    timed = not export.engine.endswith(DEQUANTIZED)  # what serves a GGUF file has another speed
    speed = speed_of([Timing(answer.tokens, answer.seconds) for answer in export.answers
                      if timed and answer.text and answer.question_id in deciding])
    price = machine_usd_per_1000(speed.mean_seconds, machine)
    clusters = [deciding[question].passage_id or question for question in scores]
    before = [deciding[question].scores.get(metric, (None, None))[0] for question in scores]
    recorded, exported = ([score.recorded for score in scores.values()], [score.exported for score in scores.values()])
    known = [score for score in exported if score is not None]
    measure = METRICS[metric]
    return WayToAnswer(
        PurePath(export.export).name or export.export, metric, sum(known) / len(known) if known else None, speed, True,
        price, break_even(making, teacher, price), export.size_bytes, export.outcome,
        paired_change(recorded, exported, clusters, measure.better, measure.tie_band) if known else None,
        gap_closed(before, exported, recorded, clusters, measure.better) if known else None)


def compared_metrics(run: Run, replacements: Sequence[queries.Replacement]) -> list[str]:
    """Return the metrics that are shown: the deciding one, and the one by which the teacher was compared."""
    return list(dict.fromkeys([run.config.headline, *(one.metric for one in replacements)]))


def _newest_by_name(store: Store, run: str, cycle: int) -> list[events.ExportVerified]:
    newest = {item.event.export: item.event for item in queries.events_of_kinds(store, run, [events.ExportVerified])
              if isinstance(item.event, events.ExportVerified) and item.cycle == cycle}
    return [newest[name] for name in sorted(newest)]


def _teacher_usd_per_1000(store: Store, run: Run) -> float | None:
    """The list price of 1,000 of the teacher's answers, by the tokens of those that it gave."""
    calls, prompt, completion = closed_book_usage(store, run.id)
    if run.config.teacher == OFFLINE_TEACHER or not calls:
        return None
    spent = cost_usd(run.config.teacher, prompt, completion)
    return None if spent is None else 1000 * spent / calls


def _making_usd(store: Store, run: Run, machine_usd_per_hour: float | None) -> float | None:
    """What the run cost: its calls at list price and the time of its stages; None where a price is not known."""
    if machine_usd_per_hour is None:
        return None
    used = [found[run.id] for who in ("teacher", "judge") if run.id in (found := queries.teacher_usage(
        store, [run.id], who))]
    costs = [0.0 if run.config.teacher == OFFLINE_TEACHER and one.cost_usd is None else one.cost_usd for one in used]
    if any(cost is None for cost in costs):
        return None
    seconds = sum(stage.seconds or 0.0 for stage in queries.stages_of(store, run.id))
    return sum(cost or 0.0 for cost in costs) + seconds / 3600 * machine_usd_per_hour
