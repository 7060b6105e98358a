"""Score the control arms, by the same judges as the baseline and the fine-tuned student."""

from __future__ import annotations

from collections.abc import Sequence

from runner.llm.postponed_calls import Postponed
from runner.pipeline.stage_checkpoints import Artifact
from runner.pipeline.stage_context import StageContext
from runner.pipeline.stages.control_arm_answers import NO_CONTEXT, arm_questions
from runner.pipeline.stages.generate_answers import adapter_path
from runner.pipeline.stages.placebo import placebo_path
from runner.pipeline.stages.score_answers import missing_scores, scores_of
from runner.pipeline.stages.score_likelihoods import LikelihoodScorer
from store.control_arms import FEW_SHOT, PLACEBO, RETRIEVAL, TEACHER, TUNED_RETRIEVAL, ordered_arms
from store.events import Event, PromptsPrepared

NO_LIKELIHOOD = "the teacher's likelihood of a given text is not available"
PROMPTED = (FEW_SHOT, RETRIEVAL, TUNED_RETRIEVAL)
STAGE_OF: dict[str, str] = {TUNED_RETRIEVAL: "tuned-retrieval", TEACHER: "teacher-answers"}
"""The stage that generates an arm's answers, if its name differs from the arm's."""


def score_control_arms(context: StageContext) -> Sequence[Event]:
    """Score every enabled arm."""
    events: list[Event] = []
    postponed = Postponed()
    for arm in ordered_arms(context.config.arms):
        with postponed.caught():
            events += _scores(context, arm)
    postponed.raise_any()
    return events


def control_arm_scores_fallback(context: StageContext, reason: str) -> Sequence[Event]:
    """Every score of every arm missing, with the reason, if scoring failed."""
    return [missing_scores(context, arm, arm_questions(context, arm), reason)
            for arm in ordered_arms(context.config.arms)]


def _scores(context: StageContext, arm: str) -> list[Event]:
    """Score one arm; in prompted arms a question without context has no score."""
    asked, scorer = arm_questions(context, arm), _likelihood_scorer(context, arm)
    without_context = [question for question in asked if arm in PROMPTED and question.question_id not in scorer.prompts]
    shown = [question for question in asked if question not in without_context]
    return [*(scores_of(context, arm, shown, scorer) if shown else []),
            *([missing_scores(context, arm, without_context, scorer.missing or NO_CONTEXT)]
              if without_context else [])]


def _likelihood_scorer(context: StageContext, arm: str) -> LikelihoodScorer:
    """Return how an arm scores by likelihood: with the adapter and prompts that it answers with."""
    if arm == TEACHER:
        return LikelihoodScorer(missing=NO_LIKELIHOOD)
    if arm == PLACEBO:
        return LikelihoodScorer(*placebo_path(context, "placebo-fine-tune@last"))
    artifact = context.inputs[STAGE_OF.get(arm, arm)]
    adapter, missing = adapter_path(context, "fine-tune@last") if arm == TUNED_RETRIEVAL else (None, None)
    return LikelihoodScorer(adapter, missing, _prompts(artifact))


def _prompts(artifact: Artifact) -> dict[str, str]:
    prepared = artifact.first(PromptsPrepared)
    return {prompt.question_id: prompt.text for prompt in prepared.prompts if prompt.sources} if prepared else {}
