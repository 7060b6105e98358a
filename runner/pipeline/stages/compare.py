"""Compare baseline and fine-tuned scores, paired by question: change, interval, verdict. The headline is held-out."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from knowledge.questions import HELD_OUT
from runner.pipeline.stage_context import StageContext
from runner.pipeline.stages.generate_answers import read_questions
from store.events import (
    AdapterMissing, AdapterTrained, AnswersScored, ArmsCompared, ChangeRecord, CycleFinished, Event, QuestionRecord,
)
from store.metrics import METRICS
from store.statistics import (
    PairedChange, holm_adjusted_verdicts, paired_change, title_in_sentence, verdict_of, verdict_sentence,
)

COMPANION = "reference_nll"
Scores = dict[tuple[str, str, str], float | None]
"""(arm, question, metric) -> value."""


def compare(context: StageContext) -> Sequence[Event]:
    """Compute the paired changes of all metrics on all tiers, and the verdict by the headline metric."""
    asked = read_questions(context.inputs.values())
    scores: Scores = {(event.arm, score.question_id, score.metric): score.value
                      for artifact in context.inputs.values() for event in artifact.events
                      if isinstance(event, AnswersScored) for score in event.scores}
    missing = context.inputs["fine-tune"].first(AdapterMissing)
    held_out = [question for question in asked if question.tier == HELD_OUT]
    verdict, sentence = _verdict(held_out, context.config.headline, scores, missing)
    compared = ArmsCompared(tuple(changes_in(asked, scores)), verdict, sentence)
    return [compared, _finished(context, missing, verdict, sentence)]


def changes_in(asked: Sequence[QuestionRecord], scores: Scores) -> list[ChangeRecord]:
    """Compute the paired changes on every tier for every metric that has scores."""
    rows = []
    scored = {metric for _, _, metric in scores}
    for tier in dict.fromkeys(question.tier for question in asked):
        of_tier = [question for question in asked if question.tier == tier]
        for metric in (name for name in METRICS if name in scored):
            rows += _rows_of(tier, metric, of_tier, scores)
    return rows


def _rows_of(tier: str, metric: str, questions: Sequence[QuestionRecord], scores: Scores) -> list[ChangeRecord]:
    """Return the change over all topics, then per topic with a verdict corrected for the number of topics (Holm)."""
    better, whole = METRICS[metric].better, _change(questions, metric, scores)
    topics = {topic: _change([q for q in questions if q.topic == topic], metric, scores)
              for topic in sorted({q.topic for q in questions})}
    found = holm_adjusted_verdicts(topics, better)
    return [ChangeRecord(tier=tier, metric=metric, topic="", verdict=verdict_of(whole, better),
                         **dataclasses.asdict(whole)),
            *(ChangeRecord(tier=tier, metric=metric, topic=topic, verdict=found[topic].verdict,
                           adjusted_p=found[topic].adjusted_p, **dataclasses.asdict(change))
              for topic, change in topics.items())]


def _change(questions: Sequence[QuestionRecord], metric: str, scores: Scores) -> PairedChange:
    measure = METRICS[metric]
    return paired_change([scores.get(("baseline", q.question_id, metric)) for q in questions],
                         [scores.get(("tuned", q.question_id, metric)) for q in questions],
                         [q.passage_id for q in questions], measure.better, measure.tie_band)


def _verdict(held_out: Sequence[QuestionRecord], metric: str, scores: Scores,
             missing: AdapterMissing | None) -> tuple[str, str]:
    if missing:
        return "not measured", f"Not measured: {missing.reason}."
    headline = _change(held_out, metric, scores)
    measure = METRICS[metric]
    verdict = verdict_of(headline, measure.better)
    sentence = verdict_sentence(verdict, measure.title, headline)
    return verdict, f"{sentence} {_secondary_findings(held_out, metric, scores)}".strip()


def _secondary_findings(held_out: Sequence[QuestionRecord], headline: str, scores: Scores) -> str:
    """Describe the change of reference NLL, which is less noisy than the headline on small tests; never the verdict."""
    if headline == COMPANION:
        return ""
    change = _change(held_out, COMPANION, scores)
    if change.change is None or change.low is None:
        return ""
    outcome = {"improved": "improved", "regressed": "got worse"}.get(verdict_of(change, METRICS[COMPANION].better),
                                                                     "did not clearly change")
    return (f"Secondary: {title_in_sentence(METRICS[COMPANION].title)} (lower is better) {outcome}: "
            f"{change.baseline:.2f} to {change.tuned:.2f} ({change.change:+.2f}, 95% interval {change.low:+.2f} to "
            f"{change.high:+.2f}).")


def _finished(context: StageContext, missing: AdapterMissing | None, verdict: str, sentence: str) -> CycleFinished:
    trained = context.inputs["fine-tune"].first(AdapterTrained)
    work = "finished" if trained else "no adapter" if missing and missing.failed else "not tuned"
    return CycleFinished(work=work, verdict=verdict, sentence=sentence, adapter=trained.adapter if trained else None,
                         training_seconds=trained.seconds if trained else None, seconds=context.cycle_seconds())
