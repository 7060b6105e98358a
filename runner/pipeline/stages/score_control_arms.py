"""The control arms' scores, by the same judges as the untrained and the tuned student's."""

from __future__ import annotations

from collections.abc import Sequence

from runner.pipeline.artifacts import Artifact
from runner.pipeline.stage_context import StageContext
from runner.pipeline.stages.control_arm_answers import NO_CONTEXT, held_out_questions
from runner.pipeline.stages.generate_answers import adapter_path
from runner.pipeline.stages.placebo import placebo_path
from runner.pipeline.stages.score_answers import LikelihoodScorer, missing_scores, scores_of
from store.control_arms import FEW_SHOT, PLACEBO, RETRIEVAL, TEACHER, TUNED_RETRIEVAL, ordered_arms
from store.events import Event, PromptsPrepared

NO_LIKELIHOOD = "a teacher's likelihood of a given text is not to be had"
PROMPTED = (FEW_SHOT, RETRIEVAL, TUNED_RETRIEVAL)
STAGE_OF: dict[str, str] = {TUNED_RETRIEVAL: "tuned-retrieval", TEACHER: "teacher-answers"}
"""The stage that gives an arm's answers, where it is not called like the arm."""


def score_control_arms(context: StageContext) -> Sequence[Event]:
    """All scores of every arm that the run asked for."""
    return [event for arm in ordered_arms(context.config.arms) for event in _scores(context, arm)]


def control_arm_scores_fallback(context: StageContext, reason: str) -> Sequence[Event]:
    """What stands where the arms could not be scored."""
    return [missing_scores(context, arm, held_out_questions(context), reason)
            for arm in ordered_arms(context.config.arms)]


def _scores(context: StageContext, arm: str) -> list[Event]:
    """A question that nothing could be put before has no score in an arm that is about what is put before it."""
    asked, weigher = held_out_questions(context), _likelihood_scorer(context, arm)
    bare = [question for question in asked if arm in PROMPTED and question.question_id not in weigher.prompts]
    shown = [question for question in asked if question not in bare]
    return [*(scores_of(context, arm, shown, weigher) if shown else []),
            *([missing_scores(context, arm, bare, weigher.missing or NO_CONTEXT)] if bare else [])]


def _likelihood_scorer(context: StageContext, arm: str) -> LikelihoodScorer:
    """An arm weighs references as it answers: with its adapter, after its prompts."""
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
