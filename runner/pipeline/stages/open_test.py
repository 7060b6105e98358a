"""Open the locked test once, for the cycle that was chosen on the development questions.

Only runs with a development split have these stages. In others every cycle answers the test, and none is chosen by it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from runner.pipeline.dev_split import locked_test
from runner.pipeline.stage_context import StageContext
from runner.pipeline.stages.compare import Scores, changes_in, taught_so_far, verdict_on
from runner.pipeline.stages.generate_answers import adapter_path, generate_answers, no_answers
from runner.pipeline.stages.score_answers import missing_scores, scores_of
from runner.pipeline.stages.score_likelihoods import LikelihoodScorer
from store.events import AdapterMissing, AnswersScored, ArmsCompared, CycleChosen, Event


def answer_test(context: StageContext) -> Sequence[Event]:
    """Answer the locked test with the chosen cycle's student; all missing if it has no adapter."""
    cycle, asked = _chosen(context), locked_test(context)
    adapter, missing = adapter_path(context, f"fine-tune@{cycle}")
    given = no_answers("tuned", asked, missing) if missing else generate_answers(context, asked, "tuned", adapter)
    return [dataclasses.replace(given, of_cycle=cycle)]


def answer_test_fallback(context: StageContext, reason: str) -> Sequence[Event]:
    """Every answer missing, with the reason, if answering failed."""
    return [dataclasses.replace(no_answers("tuned", locked_test(context), reason), of_cycle=_chosen(context))]


def score_test(context: StageContext) -> Sequence[Event]:
    """Score the chosen cycle's answers to the locked test."""
    cycle = _chosen(context)
    scored = scores_of(context, "tuned", locked_test(context),
                       LikelihoodScorer(*adapter_path(context, f"fine-tune@{cycle}")), context.leave_device)
    return [dataclasses.replace(event, of_cycle=cycle) if isinstance(event, AnswersScored) else event
            for event in scored]


def score_test_fallback(context: StageContext, reason: str) -> Sequence[Event]:
    """Every score missing, with the reason, if scoring failed."""
    return [dataclasses.replace(missing_scores(context, "tuned", locked_test(context), reason),
                                of_cycle=_chosen(context))]


def compare_test(context: StageContext) -> Sequence[Event]:
    """Compare the chosen cycle's student with the untrained one on the locked test: the run's verdict."""
    cycle = _chosen(context)
    asked = taught_so_far(context.inputs.get(f"study@{cycle}"), locked_test(context))
    scores: Scores = {(event.arm, score.question_id, score.metric): score.value
                      for artifact in context.inputs.values() for event in artifact.events
                      if isinstance(event, AnswersScored) for score in event.scores}
    missing = context.inputs[f"fine-tune@{cycle}"].first(AdapterMissing)
    verdict, sentence = verdict_on(context.config.headline_tier, asked, context.config, scores, missing)
    choice = context.inputs["choice"].only(CycleChosen)
    sentence += (f" Cycle {cycle} of {context.config.cycles} was chosen: {choice.reason}; the test was answered once, "
                 "by its student.")
    return [ArmsCompared(tuple(changes_in(asked, scores, context.config)), verdict, sentence, of_cycle=cycle)]


def _chosen(context: StageContext) -> int:
    return context.inputs["choice"].only(CycleChosen).cycle
