"""The control arms' scores, by the same judges as the untrained and the tuned student's."""

from __future__ import annotations

from collections.abc import Sequence

from runner.artifacts import Artifact
from runner.stage import Context
from runner.stages.answers import adapter_in
from runner.stages.arm_answers import NOTHING_SHOWN, held_out_in
from runner.stages.evaluation import Weigher, missing_scores, scores_of
from runner.stages.placebo import placebo_in
from store.arms import FEW_SHOT, PLACEBO, RETRIEVAL, TEACHER, TUNED_RETRIEVAL, in_order
from store.events import Event, PromptsPrepared

NO_LIKELIHOOD = "a teacher's likelihood of a given text is not to be had"
PROMPTED = (FEW_SHOT, RETRIEVAL, TUNED_RETRIEVAL)
STAGE_OF: dict[str, str] = {TUNED_RETRIEVAL: "tuned-retrieval", TEACHER: "teacher-answers"}
"""The stage that gives an arm's answers, where it is not called like the arm."""


def evaluate_arms(context: Context) -> Sequence[Event]:
    """All scores of every arm that the run asked for."""
    return [event for arm in in_order(context.config.arms) for event in _scores(context, arm)]


def without_arm_scores(context: Context, reason: str) -> Sequence[Event]:
    """What stands where the arms could not be scored."""
    return [missing_scores(context, arm, held_out_in(context), reason) for arm in in_order(context.config.arms)]


def _scores(context: Context, arm: str) -> list[Event]:
    """A question that nothing could be put before has no score in an arm that is about what is put before it."""
    asked, weigher = held_out_in(context), _weigher(context, arm)
    bare = [question for question in asked if arm in PROMPTED and question.question_id not in weigher.prompts]
    shown = [question for question in asked if question not in bare]
    return [*(scores_of(context, arm, shown, weigher) if shown else []),
            *([missing_scores(context, arm, bare, weigher.missing or NOTHING_SHOWN)] if bare else [])]


def _weigher(context: Context, arm: str) -> Weigher:
    """An arm weighs references as it answers: with its adapter, after its prompts."""
    if arm == TEACHER:
        return Weigher(missing=NO_LIKELIHOOD)
    if arm == PLACEBO:
        return Weigher(*placebo_in(context, "placebo-fine-tune@last"))
    artifact = context.inputs[STAGE_OF.get(arm, arm)]
    adapter, missing = adapter_in(context, "fine-tune@last") if arm == TUNED_RETRIEVAL else (None, None)
    return Weigher(adapter, missing, _prompts(artifact))


def _prompts(artifact: Artifact) -> dict[str, str]:
    prepared = artifact.first(PromptsPrepared)
    return {prompt.question_id: prompt.text for prompt in prepared.prompts if prompt.sources} if prepared else {}
