"""Score answers by their text (`runner/judge/scoring.py`), and references by likelihood (`score_likelihoods.py`).

A missing score is None with its reason; no other value is substituted.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from runner.judge.protocols import LLMJudge
from runner.judge.scoring import ScoredItem, llm_scores, score_answers
from runner.pipeline.dev_split import asked_in_cycle
from runner.pipeline.stage_context import StageContext
from runner.pipeline.stages.event_records import log_usage
from runner.pipeline.stages.generate_answers import adapter_path, read_questions
from runner.pipeline.stages.score_likelihoods import LikelihoodScorer, likelihood_scores, read_references
from store.events import AnswersGiven, AnswersScored, Event, QuestionRecord, ScoreRecord
from store.metrics import ANSWER_METRICS, LIKELIHOOD_METRICS

def score_baseline(context: StageContext) -> Sequence[Event]:
    """Score the base student's answers."""
    return scores_of(context, "baseline", read_questions(context.inputs.values()), LikelihoodScorer(),
                     context.leave_device)


def score_tuned(context: StageContext) -> Sequence[Event]:
    """Score the fine-tuned student's answers; all missing if there is no adapter."""
    return scores_of(context, "tuned", asked_in_cycle(context), LikelihoodScorer(*adapter_path(context)),
                     context.leave_device)


def scores_fallback(arm: str, context: StageContext, reason: str) -> Sequence[Event]:
    """Every score missing, with the reason, if scoring failed."""
    return [missing_scores(context, arm, asked_in_cycle(context), reason)]


def missing_scores(context: StageContext, arm: str, asked: Sequence[QuestionRecord], reason: str) -> AnswersScored:
    """Return missing scores for every question and metric, with the reason."""
    model_metrics = context.config.judge_metrics if context.config.judge else ()
    return AnswersScored(arm, "none", tuple(ScoreRecord(q.question_id, metric, None, reason) for q in asked
                                            for metric in (*ANSWER_METRICS, *model_metrics, *LIKELIHOOD_METRICS)))


def scores_of(context: StageContext, arm: str, asked: Sequence[QuestionRecord],
              scorer: LikelihoodScorer, computed: Callable[[], None] = lambda: None) -> list[Event]:
    """Score one arm on these questions by all metrics; its answers and references are read from the inputs.

    Args:
        context: its inputs hold the answers and references.
        arm, asked: whose answers, and to which questions.
        scorer: how the arm scores by likelihood.
        computed: called when only the LLM judge is left to ask.
    """
    references = read_references(context)
    answers = {a.question_id: a for artifact in context.inputs.values()
               for event in artifact.events if isinstance(event, AnswersGiven) and event.arm == arm
               for a in event.answers}
    given = [ScoredItem(q, answers[q.question_id], references[q.question_id], context.config.max_new_tokens)
             for q in asked]
    by_text = score_answers(context.resources.judge, arm, given)
    # A batch of the judge's calls is sent before the student computes: the stage runs again when it has ended.
    by_model = _llm_judge_scores(context, arm, given) if context.resources.batches else None
    by_likelihood = likelihood_scores(context, arm, asked, scorer)
    computed()
    if by_model is None:
        by_model = _llm_judge_scores(context, arm, given)
    return [*by_text, *by_model, by_likelihood]


def _llm_judge_scores(context: StageContext, arm: str, given: Sequence[ScoredItem]) -> list[AnswersScored]:
    """Score with the LLM judge, if the run has one, and log its usage."""
    judge = context.resources.llm_judge
    if judge is None:
        return []
    scored = llm_scores(judge, arm, given, judge.metrics,
                        lambda done, total: context.progress(done, total, "scores by the judge model"))
    record_judge_usage(context, judge)
    return scored


def record_judge_usage(context: StageContext, judge: LLMJudge) -> None:
    """Log the LLM judge's usage so far as metrics: calls, tokens, and cost in USD if its price is known."""
    log_usage(context, "judge", judge.usage())
