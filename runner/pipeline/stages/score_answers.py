"""Scores of each answer: by its text (`runner/judge/scoring.py`), and by the student's own likelihood.

A score that cannot be had is None with its reason; nothing is scored in the place of something else.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

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
    """Whose likelihood speaks for an arm: the student with this adapter, or nobody, for the reason given."""

    adapter: Path | None = None
    missing: str | None = None
    prompts: Mapping[str, str] = field(default_factory=dict)
    """Question id -> what was put to the student in place of the bare question."""

    def asked(self, question: QuestionRecord) -> str:
        return self.prompts.get(question.question_id, question.text)


def score_baseline(context: StageContext) -> Sequence[Event]:
    """Scores of the untrained student's answers."""
    return scores_of(context, "baseline", read_questions(context.inputs.values()), LikelihoodScorer())


def score_tuned(context: StageContext) -> Sequence[Event]:
    """Scores of the tuned student's answers; all missing where there is no adapter."""
    return scores_of(context, "tuned", read_questions(context.inputs.values()),
                     LikelihoodScorer(*adapter_path(context)))


def scores_fallback(arm: str, context: StageContext, reason: str) -> Sequence[Event]:
    """What stands where judging failed: every score missing, with the reason."""
    return [missing_scores(context, arm, read_questions(context.inputs.values()), reason)]


def missing_scores(context: StageContext, arm: str, asked: Sequence[QuestionRecord], reason: str) -> AnswersScored:
    """No score of any metric, each with the reason."""
    model_metrics = context.config.judge_metrics if context.config.judge else ()
    return AnswersScored(arm, "none", tuple(ScoreRecord(q.question_id, metric, None, reason) for q in asked
                                            for metric in (*ANSWER_METRICS, *model_metrics, *LIKELIHOOD_METRICS)))


def scores_of(context: StageContext, arm: str, asked: Sequence[QuestionRecord],
              weigher: LikelihoodScorer) -> list[Event]:
    """All scores of one arm on these questions; its answers and their references are among the inputs."""
    references = read_references(context)
    answers = {a.question_id: a for artifact in context.inputs.values()
               for event in artifact.events if isinstance(event, AnswersGiven) and event.arm == arm
               for a in event.answers}
    given = [ScoredItem(q, answers[q.question_id], references[q.question_id], context.config.max_new_tokens)
             for q in asked]
    return [*score_answers(context.resources.judge, arm, given), *_judged(context, arm, given),
            likelihood_scores(context, arm, asked, weigher)]


def _judged(context: StageContext, arm: str, given: Sequence[ScoredItem]) -> list[AnswersScored]:
    """The judge model's scores, where the run has one, and what it has cost so far."""
    judge = context.resources.llm_judge
    if judge is None:
        return []
    scored = llm_scores(judge, arm, given, judge.metrics,
                        lambda done, total: context.progress(done, total, "scores by the judge model"))
    record_judge_usage(context, judge)
    return scored


def record_judge_usage(context: StageContext, judge: LLMJudge) -> None:
    """What the judge model has cost so far, as series: calls, tokens, and money where its price is known."""
    usage = judge.usage()
    context.metric("judge_calls", context.cycle, usage.calls, "calls")
    context.metric("judge_tokens", context.cycle, usage.prompt_tokens + usage.completion_tokens, "tokens")
    context.metric("judge_cost_usd", context.cycle, usage.cost_usd, "USD")


def read_references(context: StageContext) -> dict[str, ReferenceRecord]:
    """The references among the inputs, by question."""
    return {reference.question_id: reference for artifact in context.inputs.values()
            if (event := artifact.first(ReferencesWritten)) for reference in event.references}


def likelihood_scores(context: StageContext, arm: str, asked: Sequence[QuestionRecord],
                      weigher: LikelihoodScorer) -> AnswersScored:
    """Weigh each reference and its foils; a stage's last and longest part, so it tells how far it is."""
    references = read_references(context)
    scores: list[ScoreRecord] = []
    progress = _ScoringProgress(context, len(asked))
    for chunk in _chunks(asked):
        weighable = [] if weigher.missing else [q for q in chunk if references[q.question_id].text is not None]
        texts = {q.question_id: [references[q.question_id].text or "", *references[q.question_id].foils]
                 for q in weighable}
        pairs = [(weigher.asked(q), text) for q in weighable for text in texts[q.question_id]]
        weights = iter(context.resources.student.likelihoods(
            pairs, weigher.adapter, partial(progress.scored_by_likelihood, len(chunk), len(pairs))) if pairs else [])
        for q in chunk:
            weighed = [next(weights) for _ in texts.get(q.question_id, [])]
            scores += _likelihood_scores(q, weighed,
                                         weigher.missing or f"no reference: {references[q.question_id].missing}")
        progress.finished(len(chunk))
    return AnswersScored(arm, LIKELIHOOD_JUDGE, tuple(scores))


@dataclass
class _ScoringProgress:
    """How many questions are judged, told while a chunk of them is weighed too: a large student takes minutes for one,
    and whoever asks it to stop is heard where something is told."""

    context: StageContext
    total: int
    before: int = 0
    reported: int = 0

    def scored_by_likelihood(self, questions: int, pairs: int, so_far: int) -> None:
        """So many of a chunk's pairs are weighed."""
        self._report(self.before + questions * so_far // pairs)

    def finished(self, questions: int) -> None:
        """A chunk is done."""
        self.before += questions
        self._report(self.before)

    def _report(self, done: int) -> None:
        if done > self.reported:
            self.reported = done
            self.context.progress(done, self.total, "questions judged")


def _likelihood_scores(question: QuestionRecord, weighed: Sequence[Likelihood], missing: str) -> list[ScoreRecord]:
    if not weighed:
        return [ScoreRecord(question.question_id, metric, None, missing) for metric in LIKELIHOOD_METRICS]
    true, *false = (likelihood.nll for likelihood in weighed)
    choice = ScoreRecord(question.question_id, "choice_accuracy",
                         choice_accuracy(true, false)) if len(false) == 3 else \
        ScoreRecord(question.question_id, "choice_accuracy", None, "fewer than three false references")
    return [choice, ScoreRecord(question.question_id, "reference_nll", true)]


def choice_accuracy(true: float, false: Sequence[float]) -> float:
    """1 where the true reference is the likeliest of all, 0 where it is not; a tie for the first place is shared."""
    best = min(true, *false)
    return 0.0 if true > best else 1 / (1 + sum(nll == best for nll in false))


def _chunks(asked: Sequence[QuestionRecord]) -> Iterator[Sequence[QuestionRecord]]:
    for start in range(0, len(asked), QUESTIONS_PER_CHUNK):
        yield asked[start:start + QUESTIONS_PER_CHUNK]
