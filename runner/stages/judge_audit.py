"""The judges on trial, before their scores are believed: planted answers, made from the run's own test."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from knowledge.questions import HELD_OUT
from runner.judge import judge_name
from runner.judge.audit import NO_PROBES, audit, unaudited
from runner.judge.probes import Probe, probes_for
from runner.judge.scoring import KEY_TERM_JUDGE, OVERLAP_JUDGES, answer_scores, model_scores
from runner.stage import Context
from runner.stages.answers import questions_in
from runner.stages.evaluation import references_in, tell_judge_usage
from store.events import Event, JudgingEstimated
from store.judging_cost import AUDITED_QUESTIONS, estimate_of
from store.measures import ANSWER_METRICS


def judge_audit(context: Context) -> Sequence[Event]:
    """What a judge model will cost; then an audit of every metric that scores answers."""
    if (estimated := _estimated(context)) is not None:
        context.emit(estimated)  # said before the first call, and not only when the stage is done
    probes = probes_in(context)
    if not probes:
        return unaudited(_judges(context, context.workbench.judge.name), NO_PROBES)
    events = audit(probes, lambda given, again: answer_scores(context.workbench.judge, "audit", given))
    judge = context.workbench.model_judge
    if judge:
        def tell(done: int, total: int) -> None:
            context.progress(done, total, "planted answers")
        events += audit(probes, lambda given, again: model_scores(judge, "audit", given, judge.metrics, tell, again))
        tell_judge_usage(context, judge)
    return events


def without_audit(context: Context, reason: str) -> Sequence[Event]:
    """What stands where the audit failed: no judge has passed it."""
    return unaudited(_judges(context, "none"), reason)


def probes_in(context: Context) -> list[Probe]:
    asked = [question for question in questions_in(context.inputs.values()) if question.tier == HELD_OUT]
    return probes_for(asked, references_in(context), AUDITED_QUESTIONS)


def _judges(context: Context, similarity: str) -> list[tuple[str, str]]:
    names = {"answer_similarity": similarity, "fact_recall": KEY_TERM_JUDGE, **OVERLAP_JUDGES}
    of_model = context.config.judge_metrics if context.config.judge else ()
    return [*((metric, names[metric]) for metric in ANSWER_METRICS),
            *((metric, judge_name(context.config)) for metric in of_model)]


def _estimated(context: Context) -> Event | None:
    found = estimate_of(context.config)
    return JudgingEstimated(metrics=context.config.judge_metrics, **dataclasses.asdict(found)) if found else None
