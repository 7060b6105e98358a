"""Judge audit: check that each metric ranks probe answers, built from the run's own test, correctly."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from knowledge.questions import HELD_OUT
from runner.judge import judge_name
from runner.judge.probe_answers import Probe, build_probes
from runner.judge.scoring import KEY_TERM_JUDGE, OVERLAP_JUDGES, llm_scores, score_answers
from runner.judge.validation import NO_PROBES, not_validated, validate_judge
from runner.pipeline.stage_context import StageContext
from runner.pipeline.stages.generate_answers import read_questions
from runner.pipeline.stages.score_answers import record_judge_usage
from runner.pipeline.stages.score_likelihoods import read_references
from store.costs.judge_cost import AUDITED_QUESTIONS, estimate_of
from store.events import Event, JudgingEstimated
from store.metrics import ANSWER_METRICS


def validate_judges(context: StageContext) -> Sequence[Event]:
    """Record the LLM judge's estimated cost, then audit every metric that scores answers."""
    if (estimated := _estimated(context)) is not None:
        context.emit(estimated)  # recorded before the first call, not only when the stage is done
    probes = read_probes(context)
    if not probes:
        return not_validated(_judges(context, context.resources.judge.name), NO_PROBES)
    events = validate_judge(probes, lambda given, again: score_answers(context.resources.judge, "audit", given))
    context.leave_device()
    judge = context.resources.llm_judge
    if judge:
        def report(done: int, total: int) -> None:
            context.progress(done, total, "probe answers")
        events += validate_judge(probes, lambda given,
                                 again: llm_scores(judge, "audit", given, judge.metrics, report, again))
        record_judge_usage(context, judge)
    return events


def validation_fallback(context: StageContext, reason: str) -> Sequence[Event]:
    """No judge passes, with the reason, if the audit could not run."""
    return not_validated(_judges(context, "none"), reason)


def read_probes(context: StageContext) -> list[Probe]:
    asked = [question for question in read_questions(context.inputs.values()) if question.tier == HELD_OUT]
    return build_probes(asked, read_references(context), AUDITED_QUESTIONS)


def _judges(context: StageContext, similarity: str) -> list[tuple[str, str]]:
    names = {"answer_similarity": similarity, "fact_recall": KEY_TERM_JUDGE, **OVERLAP_JUDGES}
    of_model = context.config.judge_metrics if context.config.judge else ()
    return [*((metric, names[metric]) for metric in ANSWER_METRICS),
            *((metric, judge_name(context.config)) for metric in of_model)]


def _estimated(context: StageContext) -> Event | None:
    found = estimate_of(context.config)
    return JudgingEstimated(metrics=context.config.judge_metrics, **dataclasses.asdict(found)) if found else None
