"""Whether the fine-tuned student may replace its teacher, and what its gain is made of: both from stored scores."""

from __future__ import annotations

import dataclasses
from collections.abc import Hashable, Mapping, Sequence

from knowledge.questions import PRACTICE
from runner.pipeline.stages.compare import Scores
from store.control_arms import BASELINE, PLACEBO, TEACHER, TUNED, TUNED_RETRIEVAL
from store.events import GainShareRecord, QuestionRecord, ReplacementRecord
from store.headline import margin_of
from store.metrics import METRICS
from store.run_config import OFFLINE_TEACHER, TAUGHT, RunConfig
from store.statistics import by_fact, gain_shares, non_inferiority

COMPARABLE = ("choice_accuracy", "factual_correctness", "fact_recall")
"""Metrics by which a student and its teacher can be compared, the most telling first: by likelihood, by the judge
model on the answers, by key terms in the answers."""


def replacements(asked: Sequence[QuestionRecord], scores: Scores, config: RunConfig) -> list[ReplacementRecord]:
    """Compare each fine-tuned student with the teacher's closed-book answers, by the first metric that both have.

    Empty without the teacher's scores, and in a run that named no margin before it began.
    """
    metric = next((name for name in COMPARABLE
                   if any(value is not None for value in _of(asked, scores, TEACHER, name))), None)
    margin = margin_of(config, metric) if metric else None
    if metric is None or margin is None or TEACHER not in config.arms:
        return []
    students = [arm for arm in (TUNED, TUNED_RETRIEVAL) if arm == TUNED or arm in config.arms]
    found = {arm: non_inferiority(_of(asked, scores, arm, metric), _of(asked, scores, TEACHER, metric),
                                  [question.passage_id for question in asked], margin, METRICS[metric].better,
                                  len(students)) for arm in students}
    return [ReplacementRecord(arm=arm, metric=metric, margin=margin,
                              by_construction=config.teacher == OFFLINE_TEACHER, **dataclasses.asdict(one))
            for arm, one in found.items()]


def shares(asked: Sequence[QuestionRecord], trained: Sequence[QuestionRecord], scores: Scores,
           config: RunConfig) -> list[GainShareRecord]:
    """Split the gain on the last cycle's facts, by every metric that all of its scores exist for.

    Args:
        asked: the questions of the headline test.
        trained: the questions of the last cycle.
        scores: by arm, question and metric.
        config: the run's; empty unless taught facts are its headline test and it has the placebo arm.
    """
    if config.headline_tier != TAUGHT or PLACEBO not in config.arms:
        return []
    practice = [question for question in trained if question.tier == PRACTICE]
    tested = {question.passage_id for question in asked}
    facts = [passage for passage in dict.fromkeys(question.passage_id for question in practice) if passage in tested]
    records = []
    for metric, measure in METRICS.items():
        found = by_fact({
            "untrained": _by_passage(asked, scores, BASELINE, metric),
            "placebo": _by_passage(asked, scores, PLACEBO, metric),
            "tuned": _by_passage(asked, scores, TUNED, metric),
            "untrained_practice": _by_passage(practice, scores, BASELINE, metric),
            "tuned_practice": _by_passage(practice, scores, TUNED, metric)}, facts)
        records += [GainShareRecord(metric, **dataclasses.asdict(part)) for part in gain_shares(found, measure.better)]
    return records


def _of(asked: Sequence[QuestionRecord], scores: Scores, arm: str, metric: str) -> list[float | None]:
    return [scores.get((arm, question.question_id, metric)) for question in asked]


def _by_passage(questions: Sequence[QuestionRecord], scores: Scores, arm: str,
                metric: str) -> Mapping[Hashable, Sequence[float]]:
    """Return the scores of each passage's questions; missing ones are left out."""
    found: dict[Hashable, list[float]] = {}
    for question in questions:
        value = scores.get((arm, question.question_id, metric))
        if value is not None:
            found.setdefault(question.passage_id, []).append(value)
    return found
