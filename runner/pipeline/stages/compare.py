"""Compare baseline and fine-tuned scores, paired by question: change, interval, verdict by the headline test."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from knowledge.questions import HELD_OUT
from runner.pipeline.stage_checkpoints import Artifact
from runner.pipeline.dev_split import asked_in_cycle
from runner.pipeline.stage_context import StageContext
from runner.pipeline.taught_facts import is_taught
from store.dev_split import DEV
from store.events import (
    AdapterMissing, AdapterTrained, AnswersScored, ArmsCompared, ChangeRecord, CycleFinished, Event, QuestionRecord,
    StudySetPrepared,
)
from store.headline import HEADLINE_QUESTIONS, margin_of
from store.metrics import METRICS, NATS
from store.run_config import TAUGHT, RunConfig
from store.statistics import (
    IMPROVED, LOSSES, NO_RELEVANT_CHANGE, PairedChange, holm_adjusted_verdicts, interval_words, is_unmoved,
    paired_change, title_in_sentence, verdict_of, verdict_sentence, within_margin,
)

COMPANION = "reference_nll"
Scores = dict[tuple[str, str, str], float | None]
"""(arm, question, metric) -> value."""


def compare(context: StageContext) -> Sequence[Event]:
    """Compute the paired changes of all metrics on all tiers, and the verdict by the headline metric."""
    asked = taught_so_far(context.inputs.get("study"), asked_in_cycle(context))
    scores: Scores = {(event.arm, score.question_id, score.metric): score.value
                      for artifact in context.inputs.values() for event in artifact.events
                      if isinstance(event, AnswersScored) for score in event.scores}
    missing = context.inputs["fine-tune"].first(AdapterMissing)
    verdict, sentence = verdict_on(DEV if context.config.dev_questions else context.config.headline_tier, asked,
                                   context.config, scores, missing)
    compared = ArmsCompared(tuple(changes_in(asked, scores, context.config)), verdict, sentence)
    return [compared, _finished(context, missing, verdict, sentence)]


def taught_so_far(study: Artifact | None, asked: Sequence[QuestionRecord]) -> list[QuestionRecord]:
    """Leave out the test's questions on facts that a later cycle than that of this study set teaches."""
    taught = {fact.passage_id for fact in study.only(StudySetPrepared).facts} if study else None
    return [question for question in asked
            if not is_taught(question) or taught is None or question.passage_id in taught]


def changes_in(asked: Sequence[QuestionRecord], scores: Scores, config: RunConfig) -> list[ChangeRecord]:
    """Compute the paired changes on every tier for every metric of its scores; the run's margins decide the words."""
    rows = []
    for tier in dict.fromkeys(question.tier for question in asked):
        of_tier = [question for question in asked if question.tier == tier]
        ids = {question.question_id for question in of_tier}
        scored = {metric for _, question, metric in scores if question in ids}
        for metric in (name for name in METRICS if name in scored):
            rows += _rows_of(tier, metric, of_tier, scores, margin_of(config, metric))
    return rows


def _rows_of(tier: str, metric: str, questions: Sequence[QuestionRecord], scores: Scores,
             margin: float | None) -> list[ChangeRecord]:
    """Return the change over all topics, then per topic with a verdict corrected for the number of topics (Holm)."""
    better, whole = METRICS[metric].better, _change(questions, metric, scores)
    topics = {topic: _change([q for q in questions if q.topic == topic], metric, scores)
              for topic in sorted({q.topic for q in questions})}
    found = holm_adjusted_verdicts(topics, better, margin)
    return [ChangeRecord(tier=tier, metric=metric, topic="", verdict=verdict_of(whole, better, margin),
                         **dataclasses.asdict(whole)),
            *(ChangeRecord(tier=tier, metric=metric, topic=topic, verdict=found[topic].verdict,
                           adjusted_p=found[topic].adjusted_p, **dataclasses.asdict(change))
              for topic, change in topics.items())]


def _change(questions: Sequence[QuestionRecord], metric: str, scores: Scores) -> PairedChange:
    measure = METRICS[metric]
    return paired_change([scores.get(("baseline", q.question_id, metric)) for q in questions],
                         [scores.get(("tuned", q.question_id, metric)) for q in questions],
                         [q.passage_id for q in questions], measure.better, measure.tie_band)


def verdict_on(tier: str, asked: Sequence[QuestionRecord], config: RunConfig, scores: Scores,
               missing: AdapterMissing | None) -> tuple[str, str]:
    """Return the verdict by the headline metric on one tier's questions, with its sentence and secondary findings."""
    if missing:
        return "not measured", f"Not measured: {missing.reason}."
    test = [question for question in asked if question.tier == tier]
    headline = _change(test, config.headline, scores)
    measure, margin = METRICS[config.headline], margin_of(config, config.headline)
    verdict = verdict_of(headline, measure.better, margin)
    sentences = [verdict_sentence(verdict, measure.title, headline, HEADLINE_QUESTIONS[tier], margin,
                                  measure.unit != NATS)]
    if tier == TAUGHT:
        sentences.append(_control_finding([q for q in asked if q.tier == HELD_OUT], config, scores))
    sentences.append(_secondary_findings(test, config, scores))
    return verdict, " ".join(filter(None, sentences))


def _control_finding(held_out: Sequence[QuestionRecord], config: RunConfig, scores: Scores) -> str:
    """Describe the change on facts never taught, where a change would not be knowledge; empty if none was asked."""
    metric = config.headline
    change, measure, margin = _change(held_out, metric, scores), METRICS[metric], margin_of(config, metric)
    if change.change is None:
        return ""
    if change.low is None or change.high is None:
        return f"Control, on facts never taught: too few questions to say (n = {change.scored})."
    found = verdict_of(change, measure.better, margin)
    if is_unmoved(change) and measure.unit == NATS:
        words = "no score changed, as expected"
    elif found == NO_RELEVANT_CHANGE or (margin is None and within_margin(change, measure.margin)):
        words = "no relevant change, as expected"
    elif found in (IMPROVED, *LOSSES):
        words = f"{found}, which is no knowledge of them"
    elif within_margin(change, margin or measure.margin):
        words = "inconclusive, since so few questions cannot show that nothing changed"
    else:
        words = f"inconclusive, since a change of {margin or measure.margin:g} lies within its interval"
    return (f"Control, on facts never taught: {words} ({change.change:+.2f}, "
            f"{interval_words(change, measure.unit != NATS)}, n = {change.scored}).")


_COMPANION_WORDS = {IMPROVED: "improved", NO_RELEVANT_CHANGE: "did not change relevantly",
                    **dict.fromkeys(LOSSES, "got worse")}


def _secondary_findings(test: Sequence[QuestionRecord], config: RunConfig, scores: Scores) -> str:
    """Describe the change of reference NLL, which is less noisy than the headline on small tests; never the verdict."""
    if config.headline == COMPANION:
        return ""
    change = _change(test, COMPANION, scores)
    if change.change is None or change.low is None:
        return ""
    verdict = verdict_of(change, METRICS[COMPANION].better, margin_of(config, COMPANION))
    return (f"Secondary: {title_in_sentence(METRICS[COMPANION].title)} (lower is better) "
            f"{_COMPANION_WORDS.get(verdict, 'did not clearly change')}: "
            f"{change.baseline:.2f} to {change.tuned:.2f} ({change.change:+.2f}, "
            f"{interval_words(change, METRICS[COMPANION].unit != NATS)}).")


def _finished(context: StageContext, missing: AdapterMissing | None, verdict: str, sentence: str) -> CycleFinished:
    trained = context.inputs["fine-tune"].first(AdapterTrained)
    work = "finished" if trained else "no adapter" if missing and missing.failed else "not tuned"
    return CycleFinished(work=work, verdict=verdict, sentence=sentence, adapter=trained.adapter if trained else None,
                         training_seconds=trained.seconds if trained else None, seconds=context.cycle_seconds())
