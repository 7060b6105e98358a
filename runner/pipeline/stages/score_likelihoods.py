"""Score references and distractors by the student's own log-likelihood: nothing is generated, nothing is judged.

On the headline test three more readings are computed (binding, and multiple choice with and by what is likely without
the question). They need more likelihoods than the rest together, so other questions go without.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from runner.judge.choice_accuracy import choice_accuracy
from runner.judge.choice_variants import (
    NO_OTHER_QUESTION, NO_QUESTION, Likelihoods, binding, choice_pmi, choice_prior, choice_unaltered, other_questions,
)
from runner.pipeline.stage_context import StageContext
from store.dev_split import DEV
from store.events import (
    AnswersScored, DevQuestionsSetApart, QuestionRecord, QuestionsAsked, ReferenceRecord, ReferencesWritten,
    ScoreRecord,
)
from store.metrics import HEADLINE_TEST_METRICS, LIKELIHOOD_METRICS

LIKELIHOOD_JUDGE = "the student's own likelihood"
QUESTIONS_PER_CHUNK = 8
DISTRACTORS = 3


@dataclass(frozen=True)
class LikelihoodScorer:
    """How an arm scores by likelihood: with which adapter and prompts, or the reason why it cannot."""

    adapter: Path | None = None
    missing: str | None = None
    prompts: Mapping[str, str] = field(default_factory=dict)
    """Question id -> prompt that was used instead of the bare question."""

    def prompt_for(self, question: QuestionRecord) -> str:
        return self.prompts.get(question.question_id, question.text)


def read_references(context: StageContext) -> dict[str, ReferenceRecord]:
    """Return the references in the inputs, by question id."""
    return {reference.question_id: reference for artifact in context.inputs.values()
            for event in (artifact.first(ReferencesWritten), artifact.first(DevQuestionsSetApart)) if event
            for reference in event.references}


def likelihood_scores(context: StageContext, arm: str, asked: Sequence[QuestionRecord], scorer: LikelihoodScorer,
                      all_readings: bool = True) -> AnswersScored:
    """Compute the NLL of each reference and its distractors; reports progress, as it is the longest part of a stage.

    Args:
        context: its inputs hold the questions and references.
        arm: whose likelihood it is.
        asked: the questions to score.
        scorer: adapter and prompts of the arm.
        all_readings: also those metrics that only the headline test has, for bare questions.
    """
    references = read_references(context)
    test = _headline_test(context) if all_readings and not scorer.prompts else {}
    unasked: dict[str, float] = {}
    scores: list[ScoreRecord] = []
    progress = _ScoringProgress(context, len(asked))
    for chunk in _chunks(asked):
        scorable = [] if scorer.missing else [q for q in chunk if references[q.question_id].text is not None]
        requests = [_Request(q, references[q.question_id], scorer.prompt_for(q),
                             other_questions(q, test[q.question_id]) if q.question_id in test else None)
                    for q in scorable]
        pairs = list(dict.fromkeys(pair for request in requests for pair in request.pairs()
                                   if pair[0] or pair[1] not in unasked))
        likelihoods = context.resources.student.likelihoods(
            pairs, scorer.adapter, partial(progress.scored_by_likelihood, len(chunk), len(pairs))) if pairs else []
        found = {pair: likelihood.nll for pair, likelihood in zip(pairs, likelihoods, strict=True)}
        unasked |= {text: nll for (prompt, text), nll in found.items() if prompt == NO_QUESTION}
        by_question = {request.question.question_id: request.scores(found, unasked) for request in requests}
        for q in chunk:
            missing = scorer.missing or f"no reference: {references[q.question_id].missing}"
            scores += by_question.get(q.question_id) or _missing(q, missing, q.question_id in test)
        progress.finished(len(chunk))
    return AnswersScored(arm, LIKELIHOOD_JUDGE, tuple(scores))


@dataclass(frozen=True)
class _Request:
    """One question with the texts whose likelihood is computed."""

    question: QuestionRecord
    reference: ReferenceRecord
    prompt: str
    others: Sequence[QuestionRecord] | None
    """Other questions of its topic; None if only the metrics of every tier are computed."""

    @property
    def texts(self) -> list[str]:
        return [self.reference.text or "", *self.reference.foils]

    def pairs(self) -> Iterator[tuple[str, str]]:
        """Yield (prompt, text) of each likelihood."""
        yield from ((self.prompt, text) for text in self.texts)
        if self.others is not None:
            yield from ((other.text, self.texts[0]) for other in self.others)
            yield from ((NO_QUESTION, text) for text in self.texts)

    def scores(self, nll: Mapping[tuple[str, str], float], unasked: Mapping[str, float]) -> list[ScoreRecord]:
        """Return the scores by each metric, from the likelihoods of all pairs."""
        asked = [nll[self.prompt, text] for text in self.texts]
        choosable = len(self.reference.foils) == DISTRACTORS
        few = None if choosable else "fewer than three distractors"
        values: list[tuple[str, float | None, str | None]] = [
            ("choice_accuracy", choice_accuracy(asked[0], asked[1:]) if choosable else None, few),
            ("reference_nll", asked[0], None)]
        unaltered = choice_unaltered(asked, self.reference.foil_rules) if choosable else None
        values += [("choice_unaltered", unaltered, None)] if unaltered is not None else []
        if self.others is not None:
            found = Likelihoods(asked, [unasked[text] for text in self.texts],
                                [nll[other.text, self.texts[0]] for other in self.others])
            bound = binding(found)
            values += [("binding", bound, NO_OTHER_QUESTION if bound is None else None),
                       ("choice_pmi", choice_pmi(found) if choosable else None, few),
                       ("choice_prior", choice_prior(found) if choosable else None, few)]
        return [ScoreRecord(self.question.question_id, metric, value, reason) for metric, value, reason in values]


def _headline_test(context: StageContext) -> dict[str, Sequence[QuestionRecord]]:
    """Return each question of the headline and the development tier with those that were asked together with it."""
    sets = [event.questions for artifact in context.inputs.values() if (event := artifact.first(QuestionsAsked))]
    return {question.question_id: questions for questions in sets for question in questions
            if question.tier in (context.config.headline_tier, DEV)}


def _missing(question: QuestionRecord, reason: str, of_headline_test: bool) -> list[ScoreRecord]:
    metrics = (*LIKELIHOOD_METRICS, *(HEADLINE_TEST_METRICS if of_headline_test else ()))
    return [ScoreRecord(question.question_id, metric, None, reason) for metric in metrics]


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


def _chunks(asked: Sequence[QuestionRecord]) -> Iterator[Sequence[QuestionRecord]]:
    for start in range(0, len(asked), QUESTIONS_PER_CHUNK):
        yield asked[start:start + QUESTIONS_PER_CHUNK]
