"""The learning curve within a cycle: the held-out test, weighed after a quarter and a half of the steps too.

Likelihoods only: no answer is generated, so it costs little. The untrained and the fully trained student were
scored anyhow: their points are taken from there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from runner.pipeline.artifacts import Artifact
from runner.pipeline.stage_context import StageContext
from runner.pipeline.stages.control_arm_answers import held_out_questions
from runner.pipeline.stages.fine_tune import snapshot_steps
from runner.pipeline.stages.generate_answers import adapter_path
from runner.pipeline.stages.score_answers import LikelihoodScorer, likelihood_scores
from runner.protocols import adapter_snapshot_path
from store.control_arms import BASELINE, TUNED
from store.events import AnswersScored, CurvePoint, Event, LearningCurveMeasured, QuestionRecord, ScoreRecord
from store.metrics import LIKELIHOOD_METRICS, METRICS
from store.statistics import paired_change

Values = Mapping[tuple[str, str], float | None]
"""(question, metric) -> value."""


def learning_curve(context: StageContext) -> Sequence[Event]:
    """The test at the beginning, at each kept step, and at the end of this cycle's training."""
    steps, asked = context.config.steps, held_out_questions(context)
    adapter, missing = adapter_path(context)
    if adapter is None or missing:
        return [LearningCurveMeasured(())]
    untrained = _values(_scored(context.inputs["held-out-baseline-evaluation"], BASELINE))
    # Where training goes on from the cycle before, its beginning is that cycle's last point.
    begins_anew = context.cycle == 1 or context.config.adapter == "fresh"
    moments: dict[int, Values] = {0: untrained} if begins_anew else {}
    for step in snapshot_steps(context.config):
        weigher = LikelihoodScorer(adapter_snapshot_path(adapter, step))
        moments[step] = _values(likelihood_scores(context, f"step {step}", asked, weigher).scores)
    moments[steps] = _values(_scored(context.inputs["tuned-evaluation"], TUNED))
    return [LearningCurveMeasured(tuple(
        _point(asked, untrained, values, metric, step, steps) for step, values in moments.items()
        for metric in LIKELIHOOD_METRICS))]


def learning_curve_fallback(context: StageContext, reason: str) -> Sequence[Event]:
    """What stands where it could not be measured: no point; the stage's own failure says why."""
    return [LearningCurveMeasured(())]


def _point(asked: Sequence[QuestionRecord], untrained: Values, values: Values, metric: str, step: int,
           of_steps: int) -> CurvePoint:
    def at(moment: Values) -> list[float | None]:
        return [moment.get((question.question_id, metric)) for question in asked]
    found = paired_change(at(untrained), at(values), [question.passage_id for question in asked],
                          METRICS[metric].better)
    # The beginning laid beside itself has not changed, and there is nothing to be unsure of.
    low, high = (found.low, found.high) if step else (None, None)
    return CurvePoint(step, of_steps, metric, found.tuned, found.change, low, high, found.scored, found.asked)


def _scored(artifact: Artifact, arm: str) -> list[ScoreRecord]:
    return [score for event in artifact.events if isinstance(event, AnswersScored) and event.arm == arm
            for score in event.scores]


def _values(scores: Sequence[ScoreRecord]) -> Values:
    return {(score.question_id, score.metric): score.value for score in scores}
