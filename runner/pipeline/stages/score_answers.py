"""Score answers by their text (`runner/judge/scoring.py`), and references by the student's log-likelihood.

A missing score is None with its reason; no other value is substituted.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from runner.judge.choice_accuracy import choice_accuracy
from runner.judge.protocols import LLMJudge
from runner.judge.scoring import ScoredItem, llm_scores, score_answers
from runner.pipeline.stage_context import StageContext
from runner.pipeline.stages.generate_answers import adapter_path, read_questions
from runner.protocols import Likelihood
from store.events import (
    AnswersGiven, AnswersScored, Event, QuestionRecord, ReferenceRecord, ReferencesWritten, ScoreRecord,
)
from store.metrics import ANSWER_METRICS, LIKELIHOOD_METRICS

LIKELIHOOD_JUDGE = "the student's own likelihood"
QUESTIONS_PER_CHUNK = 8


@dataclass(frozen=True)
class LikelihoodScorer:
    """How an arm scores by likelihood: with which adapter and prompts, or the reason why it cannot."""

    adapter: Path | None = None
    missing: str | None = None
    prompts: Mapping[str, str] = field(default_factory=dict)
    """Question id -> prompt that was used instead of the bare question."""

    def prompt_for(self, question: QuestionRecord) -> str:
        return self.prompts.get(question.question_id, question.text)


def score_baseline(context: StageContext) -> Sequence[Event]:
    """Score the base student's answers."""
    return scores_of(context, "baseline", read_questions(context.inputs.values()), LikelihoodScorer())


def score_tuned(context: StageContext) -> Sequence[Event]:
    """Score the fine-tuned student's answers; all missing if there is no adapter."""
    return scores_of(context, "tuned", read_questions(context.inputs.values()),
                     LikelihoodScorer(*adapter_path(context)))


def scores_fallback(arm: str, context: StageContext, reason: str) -> Sequence[Event]:
    """Every score missing, with the reason, if scoring failed."""
    return [missing_scores(context, arm, read_questions(context.inputs.values()), reason)]


def missing_scores(context: StageContext, arm: str, asked: Sequence[QuestionRecord], reason: str) -> AnswersScored:
    """Return missing scores for every question and metric, with the reason."""
    model_metrics = context.config.judge_metrics if context.config.judge else ()
    return AnswersScored(arm, "none", tuple(ScoreRecord(q.question_id, metric, None, reason) for q in asked
                                            for metric in (*ANSWER_METRICS, *model_metrics, *LIKELIHOOD_METRICS)))


def scores_of(context: StageContext, arm: str, asked: Sequence[QuestionRecord],
              scorer: LikelihoodScorer) -> list[Event]:
    """Score one arm on these questions by all metrics; its answers and references are read from the inputs."""
    references = read_references(context)
    answers = {a.question_id: a for artifact in context.inputs.values()
               for event in artifact.events if isinstance(event, AnswersGiven) and event.arm == arm
               for a in event.answers}
    given = [ScoredItem(q, answers[q.question_id], references[q.question_id], context.config.max_new_tokens)
             for q in asked]
    return [*score_answers(context.resources.judge, arm, given), *_llm_judge_scores(context, arm, given),
            likelihood_scores(context, arm, asked, scorer)]


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
    usage = judge.usage()
    context.metric("judge_calls", context.cycle, usage.calls, "calls")
    context.metric("judge_tokens", context.cycle, usage.prompt_tokens + usage.completion_tokens, "tokens")
    context.metric("judge_cost_usd", context.cycle, usage.cost_usd, "USD")
    if usage.reasoning_tokens:
        context.metric("judge_reasoning_tokens", context.cycle, usage.reasoning_tokens, "tokens")


def read_references(context: StageContext) -> dict[str, ReferenceRecord]:
    """Return the references in the inputs, by question id."""
    return {reference.question_id: reference for artifact in context.inputs.values()
            if (event := artifact.first(ReferencesWritten)) for reference in event.references}


def likelihood_scores(context: StageContext, arm: str, asked: Sequence[QuestionRecord],
                      scorer: LikelihoodScorer) -> AnswersScored:
    """Compute the NLL of each reference and its distractors; reports progress, as it is the longest part of a stage."""
    references = read_references(context)
    scores: list[ScoreRecord] = []
    progress = _ScoringProgress(context, len(asked))
    for chunk in _chunks(asked):
        scorable = [] if scorer.missing else [q for q in chunk if references[q.question_id].text is not None]
        texts = {q.question_id: [references[q.question_id].text or "", *references[q.question_id].foils]
                 for q in scorable}
        pairs = [(scorer.prompt_for(q), text) for q in scorable for text in texts[q.question_id]]
        likelihoods = iter(context.resources.student.likelihoods(
            pairs, scorer.adapter, partial(progress.scored_by_likelihood, len(chunk), len(pairs))) if pairs else [])
        for q in chunk:
            of_question = [next(likelihoods) for _ in texts.get(q.question_id, [])]
            scores += _likelihood_scores(q, of_question,
                                         scorer.missing or f"no reference: {references[q.question_id].missing}")
        progress.finished(len(chunk))
    return AnswersScored(arm, LIKELIHOOD_JUDGE, tuple(scores))


@dataclass
class _ScoringProgress:
    """Reports the number of questions scored, also within a chunk.

    A large student takes minutes for a chunk, and a stop request is only noticed when progress is reported.
    """

    context: StageContext
    total: int
    before: int = 0
    reported: int = 0

    def scored_by_likelihood(self, questions: int, pairs: int, so_far: int) -> None:
        """Report that so many of a chunk's pairs are scored."""
        self._report(self.before + questions * so_far // pairs)

    def finished(self, questions: int) -> None:
        """Report that a chunk is done."""
        self.before += questions
        self._report(self.before)

    def _report(self, done: int) -> None:
        if done > self.reported:
            self.reported = done
            self.context.progress(done, self.total, "questions scored")


def _likelihood_scores(question: QuestionRecord, likelihoods: Sequence[Likelihood], missing: str) -> list[ScoreRecord]:
    if not likelihoods:
        return [ScoreRecord(question.question_id, metric, None, missing) for metric in LIKELIHOOD_METRICS]
    reference, *distractors = (likelihood.nll for likelihood in likelihoods)
    choice = ScoreRecord(question.question_id, "choice_accuracy",
                         choice_accuracy(reference, distractors)) if len(distractors) == 3 else \
        ScoreRecord(question.question_id, "choice_accuracy", None, "fewer than three distractors")
    return [choice, ScoreRecord(question.question_id, "reference_nll", reference)]


def _chunks(asked: Sequence[QuestionRecord]) -> Iterator[Sequence[QuestionRecord]]:
    for start in range(0, len(asked), QUESTIONS_PER_CHUNK):
        yield asked[start:start + QUESTIONS_PER_CHUNK]
