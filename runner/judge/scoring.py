"""Score answers by similarity, by key terms, and by a judge model where there is one.

Used alike for a run's stages, for the probe answers of judge validation and for stored answers that are judged again.
A score that cannot be computed is None with its reason: never 0, and never replaced by another score.

What "cut off" means: an answer that reached the token limit is the student's whole answer within the limit that both
arms share, so it is scored as it is, marked as cut off, and counted next to the comparison. Leaving such answers
out would select the questions by the student's behaviour: an untrained student that rambles would be compared on the
few questions where it does not. An answer cut off before that limit, by time or by the student's context, met a limit
that the other arm did not: it has no score.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from knowledge.questions import GENERAL
from runner.judge.fact_recall import fact_recall
from runner.judge.protocols import JudgedAnswer, LLMJudge, Score
from runner.llm.postponed_calls import Postponed
from runner.protocols import Judge
from store.events import AnswerRecord, AnswersScored, QuestionRecord, ReferenceRecord, ScoreRecord
from store.metrics import ANSWER_METRICS

KEY_TERM_JUDGE = "key terms of the passage"
OVERLAP_JUDGES = {"rouge_l": "RAGAS ROUGE-L", "chrf": "RAGAS chrF"}
EMPTY = "the answer is empty"
CUT_EARLY = "cut off before the token limit, by time or by the student's context"
NO_PASSAGE = "an everyday question rests on no passage"


@dataclass(frozen=True)
class ScoredItem:
    """A question, its answer, and the reference that it is scored against."""

    question: QuestionRecord
    answer: AnswerRecord
    reference: ReferenceRecord
    token_limit: int

    @property
    def unscorable_reason(self) -> str | None:
        """Why this answer cannot be scored, or None where it can."""
        if self.reference.text is None:
            return f"no reference: {self.reference.missing}"
        if self.answer.text is None:
            return self.answer.missing
        if not self.answer.text.strip():
            return EMPTY
        return CUT_EARLY if self.answer.cut_off and self.answer.tokens < self.token_limit else None

    @property
    def pair(self) -> tuple[str, str]:
        return self.answer.text or "", self.reference.text or ""


def score_answers(judge: Judge, arm: str, given: Sequence[ScoredItem],
                  metrics: Sequence[str] = ANSWER_METRICS) -> list[AnswersScored]:
    """The scores that need no judge model."""
    scorable = [item for item in given if item.unscorable_reason is None]
    pairs = [item.pair for item in scorable]
    scored: list[AnswersScored] = []
    if "answer_similarity" in metrics:
        scored.append(_scored(arm, judge.name, "answer_similarity", given, _optional_scores(judge.similarities(pairs))))
    if "fact_recall" in metrics:
        recalls = [_fact_recall_score(item) for item in scorable]
        scored.append(_scored(arm, KEY_TERM_JUDGE, "fact_recall", given, recalls))
    if set(OVERLAP_JUDGES) & set(metrics):
        found = judge.overlaps(pairs)
        for metric, name in OVERLAP_JUDGES.items():
            if metric in metrics:
                values = [getattr(overlap, metric) if overlap else None for overlap in found]
                scored.append(_scored(arm, name, metric, given, _optional_scores(values)))
    return scored


def llm_scores(judge: LLMJudge, arm: str, given: Sequence[ScoredItem], metrics: Sequence[str],
               on_done: Callable[[int, int], None], again: str = "") -> list[AnswersScored]:
    """The scores of a judge model, metric by metric; `on_done(done, total)` counts scores over all metrics."""
    asked = {metric: [item for item in given
                      if (item.unscorable_reason or _not_applicable_reason(item, metric)) is None]
             for metric in metrics}
    total, before = sum(map(len, asked.values())), 0
    scored, postponed = [], Postponed()
    for metric in metrics:
        items = [JudgedAnswer(item.question.text, *item.pair, item.question.passage) for item in asked[metric]]
        with postponed.caught():
            computed = judge.scores(metric, items, lambda done,
                                    before=before: on_done(before + done, total),  # type: ignore[misc]
                                    again)
            scored.append(_scored(arm, judge.name, metric, given, computed))
        before += len(items)
    postponed.raise_any()
    return scored


def _not_applicable_reason(item: ScoredItem, metric: str) -> str | None:
    without = item.question.tier == GENERAL or not item.question.passage
    return NO_PASSAGE if metric == "faithfulness" and without else None


def _scored(arm: str, judge: str, metric: str, given: Sequence[ScoredItem], computed: Sequence[Score]) -> AnswersScored:
    """The event of all scores; `computed` are those of the scorable answers, in order."""
    remaining = iter(computed)
    scores = []
    for item in given:
        reason = item.unscorable_reason or _not_applicable_reason(item, metric)
        score = Score(None, reason) if reason else next(remaining)
        scores.append(ScoreRecord(item.question.question_id, metric, score.value, score.missing))
    return AnswersScored(arm, judge, tuple(scores))


def _optional_scores(values: Sequence[float | None]) -> list[Score]:
    return [Score(value, None if value is not None else "the judge gave no score") for value in values]


def _fact_recall_score(item: ScoredItem) -> Score:
    answer, reference = item.pair
    value = fact_recall(answer, item.question.key_terms, reference)
    return Score(value, "the passage names no key terms" if value is None else None)
