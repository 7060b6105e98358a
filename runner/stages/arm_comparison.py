"""The arms beside each other: each against the untrained student, tuned against each, and the gap to the teacher."""

from __future__ import annotations

from collections.abc import Sequence

from runner.stage import Context
from runner.stages.arm_answers import held_out_in
from store.arms import BASELINE, TEACHER, TUNED, in_order
from store.config import OFFLINE_TEACHER
from store.events import AnswersScored, ArmChangeRecord, ControlArmsCompared, Event, GapRecord, QuestionRecord
from store.measures import MEASURES
from store.statistics import gap_closed, paired_change, verdict_of

Scores = dict[tuple[str, str, str], float | None]
"""(arm, question, metric) -> value."""


def arm_comparison(context: Context) -> Sequence[Event]:
    """Paired changes on the held-out test, question by question; the run's own verdict is none of this."""
    asked, arms = held_out_in(context), in_order(context.config.arms)
    scores: Scores = {(event.arm, score.question_id, score.metric): score.value
                      for artifact in context.inputs.values() for event in artifact.events
                      if isinstance(event, AnswersScored) for score in event.scores}
    metrics = [metric for metric in MEASURES if any(scored == metric for _, _, scored in scores)]
    pairs = [(TUNED, BASELINE), *((arm, BASELINE) for arm in arms), *((TUNED, arm) for arm in arms)]
    changes = [_change(asked, scores, arm, against, metric) for arm, against in pairs for metric in metrics]
    gaps = [_gap(asked, scores, metric, context.config.teacher == OFFLINE_TEACHER) for metric in metrics
            if TEACHER in arms]
    return [ControlArmsCompared(context.config.cycles, tuple(changes), tuple(gaps))]


def _change(asked: Sequence[QuestionRecord], scores: Scores, arm: str, against: str, metric: str) -> ArmChangeRecord:
    measure = MEASURES[metric]
    found = paired_change(_of(asked, scores, against, metric), _of(asked, scores, arm, metric),
                          [question.passage_id for question in asked], measure.better, measure.tie_band)
    return ArmChangeRecord(arm, against, metric, found.baseline, found.tuned, found.change, found.low, found.high,
                           found.scored, found.asked, found.wins, found.ties, found.losses, found.p_value,
                           verdict_of(found, measure.better))


def _gap(asked: Sequence[QuestionRecord], scores: Scores, metric: str, by_construction: bool) -> GapRecord:
    before, after, ceiling = (_of(asked, scores, arm, metric) for arm in (BASELINE, TUNED, TEACHER))
    found = gap_closed(before, after, ceiling, [question.passage_id for question in asked],
                       MEASURES[metric].better)
    return GapRecord(metric, found.baseline, found.tuned, found.teacher, found.closed, found.low, found.high,
                     found.scored, found.asked, found.missing, by_construction)


def _of(asked: Sequence[QuestionRecord], scores: Scores, arm: str, metric: str) -> list[float | None]:
    return [scores.get((arm, question.question_id, metric)) for question in asked]
