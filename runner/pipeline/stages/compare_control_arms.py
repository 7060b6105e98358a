"""Compare control arms: each against the baseline, fine-tuned against each, and the gap to the teacher.

Several arms are multiple comparisons: for each metric their verdicts are corrected by Holm's method. Fine-tuned against
baseline is not among them, because it is the run's own pre-registered comparison; nor is reading with training against
reading without it.
"""

from __future__ import annotations

from collections.abc import Sequence

from runner.pipeline.stage_context import StageContext
from runner.pipeline.stages.control_arm_answers import headline_questions, reading_questions
from store.control_arms import BASELINE, RETRIEVAL, TEACHER, TUNED, TUNED_RETRIEVAL, ordered_arms
from runner.pipeline.stages.generate_answers import read_questions
from runner.pipeline.stages.teacher_replacement import replacements, shares
from store.events import AnswersScored, ArmChangeRecord, ControlArmsCompared, Event, GapRecord, QuestionRecord
from store.headline import margin_of
from store.metrics import METRICS
from store.run_config import OFFLINE_TEACHER, RunConfig
from store.statistics import gap_closed, holm_adjusted_verdicts, paired_change

Scores = dict[tuple[str, str, str], float | None]
"""(arm, question, metric) -> value."""


def compare_control_arms(context: StageContext) -> Sequence[Event]:
    """Compute the paired changes of all arms on the headline test, the gaps closed, whether the student may replace the
    teacher, and the parts of the gain; not the run's verdict."""
    asked, arms = headline_questions(context), ordered_arms(context.config.arms)
    scores: Scores = {(event.arm, score.question_id, score.metric): score.value
                      for artifact in context.inputs.values() for event in artifact.events
                      if isinstance(event, AnswersScored) for score in event.scores}
    metrics = [metric for metric in METRICS if any(scored == metric for _, _, scored in scores)]
    changes = control_arm_changes(asked, scores, arms, metrics, context.config)
    if {RETRIEVAL, TUNED_RETRIEVAL} <= set(arms):
        changes += reading_changes(reading_questions(context), scores, metrics, context.config)
    gaps = [_gap(asked, scores, metric, context.config.teacher == OFFLINE_TEACHER) for metric in metrics
            if TEACHER in arms]
    trained = read_questions([context.inputs["questions@last"]])
    return [ControlArmsCompared(context.config.cycles, tuple(changes), tuple(gaps),
                                tuple(replacements(asked, scores, context.config)),
                                tuple(shares(asked, trained, scores, context.config)))]


def control_arm_changes(asked: Sequence[QuestionRecord], scores: Scores, arms: Sequence[str],
                        metrics: Sequence[str], config: RunConfig) -> list[ArmChangeRecord]:
    """Return, per metric, fine-tuned against baseline uncorrected, then all other pairs with Holm correction.

    Args:
        asked: the questions of the headline test.
        scores: by arm, question and metric.
        arms: the control arms, in their order.
        metrics: the metrics that have scores.
        config: the run's, whose margins decide the words.
    """
    comparisons = [*((arm, BASELINE) for arm in arms), *((TUNED, arm) for arm in arms)]
    return [change for metric in metrics for pairs in ([(TUNED, BASELINE)], comparisons)
            for change in _changes(asked, scores, metric, pairs, margin_of(config, metric))]


def reading_changes(asked: Sequence[QuestionRecord], scores: Scores, metrics: Sequence[str],
                    config: RunConfig) -> list[ArmChangeRecord]:
    """Return, per metric, fine-tuned against untrained with the same passages before the question.

    It is a verdict of its own, about reading and not about knowledge, and so no part of the arms' correction.
    """
    return [change for metric in metrics for change in _changes(
        asked, scores, metric, [(TUNED_RETRIEVAL, RETRIEVAL)], margin_of(config, metric))]


def _changes(asked: Sequence[QuestionRecord], scores: Scores, metric: str,
             pairs: Sequence[tuple[str, str]], margin: float | None) -> list[ArmChangeRecord]:
    measure, passages = METRICS[metric], [question.passage_id for question in asked]
    found = {f"{arm} {against}": paired_change(_of(asked, scores, against, metric), _of(asked, scores, arm, metric),
                                               passages, measure.better, measure.tie_band) for arm, against in pairs}
    verdicts = [finding.verdict for finding in holm_adjusted_verdicts(found, measure.better, margin).values()]
    return [ArmChangeRecord(arm, against, metric, of.baseline, of.tuned, of.change, of.low, of.high, of.scored,
                            of.asked, of.wins, of.ties, of.losses, of.p_value, verdict)
            for (arm, against), of, verdict in zip(pairs, found.values(), verdicts, strict=True)]


def _gap(asked: Sequence[QuestionRecord], scores: Scores, metric: str, by_construction: bool) -> GapRecord:
    before, after, ceiling = (_of(asked, scores, arm, metric) for arm in (BASELINE, TUNED, TEACHER))
    found = gap_closed(before, after, ceiling, [question.passage_id for question in asked],
                       METRICS[metric].better)
    return GapRecord(metric, found.baseline, found.tuned, found.teacher, found.closed, found.low, found.high,
                     found.scored, found.asked, found.missing, by_construction)


def _of(asked: Sequence[QuestionRecord], scores: Scores, arm: str, metric: str) -> list[float | None]:
    return [scores.get((arm, question.question_id, metric)) for question in asked]
