"""Stored answers judged again: read from the run's events, scored as in its stages, recorded beside its own scores.

The run's work and its verdict stay as they are. The claim is the run's own, so nobody resumes it meanwhile.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from knowledge.questions import HELD_OUT
from runner.errors import UserError
from runner.judge import judge_name, open_judge, open_llm_judge
from runner.judge.probe_answers import build_probes
from runner.judge.protocols import LLMJudge
from runner.judge.scoring import ScoredItem, llm_scores, score_answers
from runner.judge.validation import NO_PROBES, ScoreAll, not_validated, validate_judge
from runner.pipeline.preflight import api_key_errors
from runner.pipeline.stages.compare import Scores, changes_in
from runner.pipeline.worker import heartbeat, record_wait
from runner.protocols import Judge
from store import queries
from store.costs.judge_cost import AUDITED_QUESTIONS, JudgingEstimate, estimate
from store.database import Store
from store.event_log import leases
from store.event_log.journal import Journal, read_events
from store.events import (
    AnswerRecord, AnswersGiven, AnswersJudgedAgain, AnswersScored, JudgingCompared, JudgingEstimated, JudgingFinished,
    JudgingStarted, QuestionRecord, QuestionsAsked, ReferenceRecord, ReferencesWritten,
)
from store.metrics import ANSWER_METRICS, JUDGE_METRICS
from store.run_config import RunConfig, check

ARMS = ("baseline", "tuned")
ReportProgress = Callable[[str], None]
OpenJudges = Callable[[RunConfig, str, Store, Journal], tuple[Judge, LLMJudge | None]]


@dataclass(frozen=True)
class RejudgeRequest:
    """What is to be judged, by which metrics and whom."""

    run: queries.Run
    metrics: tuple[str, ...]
    config: RunConfig
    """The run's own, with the judge of this judging in it."""
    cycles: tuple[int, ...]

    @property
    def free(self) -> tuple[str, ...]:
        return tuple(metric for metric in self.metrics if metric in ANSWER_METRICS)

    @property
    def of_model(self) -> tuple[str, ...]:
        return tuple(metric for metric in self.metrics if metric in JUDGE_METRICS)

    def estimate(self, store: Store) -> JudgingEstimate | None:
        """What the judge model will be asked; None where none is needed."""
        if not self.of_model:
            return None
        stored = read_stored(store, self.run.id)
        answers = sum(len(stored.given(cycle, arm, self.config.max_new_tokens))
                      for cycle in (0, *self.cycles) for arm in ARMS)
        longest = self.config.max_new_tokens
        return estimate(self.config.judge, answers, self.of_model, longest,
                        min(AUDITED_QUESTIONS, len(stored.held_out())))


def parse_request(run: queries.Run, metrics: Sequence[str], judge: str | None, base_url: str | None,
                  cycle: int | None) -> RejudgeRequest:
    """What was asked for, checked.

    Raises:
        UserError: the run has no such cycle, no judge is named, or there is no key for it.
        InvalidConfig: a judge that makes no sense.
    """
    of_model = tuple(metric for metric in metrics if metric in JUDGE_METRICS)
    config = dataclasses.replace(run.config, judge_metrics=of_model or run.config.judge_metrics)
    if judge:
        config = dataclasses.replace(config, judge=judge, judge_base_url=base_url)
    if of_model and not config.judge:
        raise UserError(f"{', '.join(of_model)} needs a judge model: name it with --judge")
    if not of_model:
        config = dataclasses.replace(config, judge="", judge_base_url=None)
    config = dataclasses.replace(config, headline="choice_accuracy")  # decides nothing here
    check(config)
    if found := api_key_errors(dataclasses.replace(config, teacher="knowledge-base")):
        raise UserError(found[0])
    known = tuple(range(1, (run.cycle or run.config.cycles) + 1))
    if cycle is not None and cycle not in known:
        raise UserError(f"run {run.id} has no cycle {cycle}")
    return RejudgeRequest(run, tuple(metrics), config, known if cycle is None else (cycle,))


@dataclass(frozen=True)
class StoredAnswers:
    """A run's questions, references and answers, by the cycle that they belong to; cycle 0 is the run itself."""

    questions: dict[int, list[QuestionRecord]]
    references: dict[str, ReferenceRecord]
    answers: dict[tuple[int, str], dict[str, AnswerRecord]]

    def given(self, cycle: int, arm: str, token_limit: int) -> list[ScoredItem]:
        """An arm's answers of one cycle with what they are scored against."""
        asked = [*self.questions.get(0, []), *(self.questions.get(cycle, []) if cycle else [])]
        answers = self.answers.get((cycle, arm), {})
        return [ScoredItem(question, answers[question.question_id], self.references[question.question_id], token_limit)
                for question in asked if question.question_id in answers and question.question_id in self.references]

    def held_out(self) -> list[QuestionRecord]:
        return [question for question in self.questions.get(0, []) if question.tier == HELD_OUT]


def read_stored(store: Store, run: str) -> StoredAnswers:
    """What the run's events hold; a stage that was done again counts by its last time."""
    stored = StoredAnswers({}, {}, {})
    for item in read_events(store, run):
        cycle, event = item.cycle or 0, item.event
        if isinstance(event, QuestionsAsked):
            known = {question.question_id: question for question in stored.questions.get(cycle, [])}
            known |= {question.question_id: question for question in event.questions}
            stored.questions[cycle] = list(known.values())
        elif isinstance(event, ReferencesWritten):
            stored.references.update({reference.question_id: reference for reference in event.references})
        elif isinstance(event, AnswersGiven):
            stored.answers.setdefault((cycle, event.arm), {}).update({a.question_id: a for a in event.answers})
    return stored


def open_judges(config: RunConfig, run: str, store: Store, journal: Journal) -> tuple[Judge, LLMJudge | None]:
    """The judge that needs no model, and the judge model where the configuration names one."""
    return open_judge(), open_llm_judge(config, run, store, partial(record_wait, journal))


def rejudge(store: Store, order: RejudgeRequest, tell: ReportProgress, open_judges: OpenJudges = open_judges) -> int:
    """Carry an order out; returns the judging's number within its run.

    Raises:
        UserError: somebody is at the run, or it has no answers.
    """
    claim = leases.claim_finished_run(store, leases.owner_name(), order.run.id)
    if claim is None:
        raise UserError(f"somebody is at run {order.run.id}: try again when it has ended")
    journal = Journal(store, claim)
    try:
        with heartbeat(store, journal):
            return _RejudgeTask(store, journal, order, tell, open_judges).run()
    finally:
        leases.release(store, claim)


class _RejudgeTask:
    """One judging under way."""

    def __init__(self, store: Store, journal: Journal, order: RejudgeRequest, tell: ReportProgress,
                 open_judges: OpenJudges) -> None:
        self.store, self.journal, self.order, self.tell = store, journal, order, tell
        self.number = 1 + max((one.judging for one in queries.judgings_of(store, order.run.id)), default=0)
        self.stored = read_stored(store, order.run.id)
        self.judge, self.model = open_judges(order.config, order.run.id, store, journal)
        self.scored = self.asked = 0

    def run(self) -> int:
        config = self.order.config
        self.journal.append(JudgingStarted(self.number, self.order.metrics, judge_name(config), self.order.cycles))
        if estimated := self.order.estimate(self.store):
            self.journal.append(JudgingEstimated(metrics=self.order.of_model, **dataclasses.asdict(estimated)))
        self._audit()
        of_run = self._score(0)
        for cycle in self.order.cycles:
            self._compare(cycle, of_run | self._score(cycle))
        usage = self.model.usage() if self.model else None
        self.journal.append(JudgingFinished(
            self.number, self.scored, self.asked, usage.calls if usage else 0,
            usage.prompt_tokens + usage.completion_tokens if usage else 0, usage.cost_usd if usage else None))
        return self.number

    def _audit(self) -> None:
        probes = build_probes(self.stored.held_out(), self.stored.references, AUDITED_QUESTIONS)
        for score in self._ways("audit"):
            found = validate_judge(probes, score, self.number) if probes else \
                not_validated([(metric, "none") for metric in self.order.metrics], NO_PROBES, self.number)
            self.journal.append(*found)
            for one in found:
                self.tell(f"  audit of {one.metric}: " + ("passed" if one.passed else "NOT passed: "
                                                          + "; ".join(one.reasons)))

    def _ways(self, arm: str) -> Iterator[ScoreAll]:
        """How answers are scored: by their text alone, and by the judge model, as far as either was asked for."""
        if self.order.free:
            yield lambda given, again: score_answers(self.judge, arm, given, self.order.free)
        model = self.model
        if self.order.of_model and model:
            yield lambda given, again: llm_scores(model, arm, given, self.order.of_model, lambda done, total: None,
                                                  again)

    def _score(self, cycle: int) -> Scores:
        """Score what belongs to a cycle, each arm for itself; on record before the next begins."""
        found: Scores = {}
        for arm in ARMS:
            given = self.stored.given(cycle, arm, self.order.config.max_new_tokens)
            for score in self._ways(arm) if given else ():
                for event in score(given, ""):
                    self._record(cycle, event)
                    found |= {(arm, one.question_id, one.metric): one.value for one in event.scores}
        return found

    def _record(self, cycle: int, event: AnswersScored) -> None:
        self.journal.append(AnswersJudgedAgain(self.number, event.arm, event.judge, event.scores), cycle=cycle)
        scored = sum(score.value is not None for score in event.scores)
        self.scored, self.asked = self.scored + scored, self.asked + len(event.scores)
        where = f"cycle {cycle}" if cycle else "run"
        self.tell(f"  {where}, {event.arm}: {event.scores[0].metric}, {scored} of {len(event.scores)} scored")

    def _compare(self, cycle: int, scores: Scores) -> None:
        asked = [*self.stored.questions.get(0, []), *self.stored.questions.get(cycle, [])]
        self.journal.append(JudgingCompared(self.number, tuple(changes_in(asked, scores))), cycle=cycle)
