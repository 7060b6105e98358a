"""The learning curve within a cycle: the test scored by likelihood with adapters saved during training.

No answers are generated, so this is cheap. The points before and after training come from the scores of the baseline
and of the fine-tuned student.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from runner.pipeline.stage_checkpoints import Artifact
from runner.pipeline.stage_context import StageContext
from runner.pipeline.stages.control_arm_answers import headline_questions
from runner.pipeline.stages.fine_tune import snapshot_steps
from runner.pipeline.stages.generate_answers import adapter_path
from runner.pipeline.stages.score_likelihoods import LikelihoodScorer, likelihood_scores
from runner.protocols import adapter_snapshot_path
from store.control_arms import BASELINE, TUNED
from store.events import (
    AdapterTrained, AnswersScored, CurvePoint, Event, LearningCurveMeasured, QuestionRecord, ScoreRecord,
)
from store.metrics import LIKELIHOOD_METRICS, METRICS
from store.statistics import paired_change

Values = Mapping[tuple[str, str], float | None]
"""(question, metric) -> value."""


def learning_curve(context: StageContext) -> Sequence[Event]:
    """Score the test at the start of this cycle's training, at each saved adapter, and at the end."""
    steps, asked = trained_steps(context), headline_questions(context)
    adapter, missing = adapter_path(context)
    if adapter is None or missing:
        return [LearningCurveMeasured(())]
    untrained = _values(_scored(context.inputs["held-out-baseline-evaluation"], BASELINE))
    # If training continues from the previous cycle's adapter, it starts at that cycle's last point.
    from_base_model = context.cycle == 1 or context.config.adapter == "fresh"
    points: dict[int, Values] = {0: untrained} if from_base_model else {}
    for step in snapshot_steps(context.config, steps):
        scorer = LikelihoodScorer(adapter_snapshot_path(adapter, step))
        points[step] = _values(likelihood_scores(context, f"step {step}", asked, scorer, all_readings=False).scores)
    points[steps] = _values(_scored(context.inputs["tuned-evaluation"], TUNED))
    return [LearningCurveMeasured(tuple(
        _point(asked, untrained, values, metric, step, steps) for step, values in points.items()
        for metric in LIKELIHOOD_METRICS))]


def trained_steps(context: StageContext) -> int:
    """Return the number of steps of this cycle's training; 0 if there was none."""
    trained = context.inputs["fine-tune"].first(AdapterTrained)
    return trained.steps if trained else 0


def learning_curve_fallback(context: StageContext, reason: str) -> Sequence[Event]:
    """No points, if scoring failed; the stage's error records why."""
    return [LearningCurveMeasured(())]


def _point(asked: Sequence[QuestionRecord], untrained: Values, values: Values, metric: str, step: int,
           of_steps: int) -> CurvePoint:
    def by_question(scores: Values) -> list[float | None]:
        return [scores.get((question.question_id, metric)) for question in asked]
    found = paired_change(by_question(untrained), by_question(values), [question.passage_id for question in asked],
                          METRICS[metric].better)
    # At step 0 the baseline is compared with itself: the change is exactly 0 and has no interval.
    low, high = (found.low, found.high) if step else (None, None)
    return CurvePoint(step, of_steps, metric, found.tuned, found.change, low, high, found.scored, found.asked)


def _scored(artifact: Artifact, arm: str) -> list[ScoreRecord]:
    return [score for event in artifact.events if isinstance(event, AnswersScored) and event.arm == arm
            for score in event.scores]


def _values(scores: Sequence[ScoreRecord]) -> Values:
    return {(score.question_id, score.metric): score.value for score in scores}
