"""Score stored answers again with other judges: read them from the run's events, score them as its stages did.

The new scores are recorded alongside the run's own; its status and verdict stay as they are. The run is claimed
meanwhile, so that no runner resumes it.
"""

from __future__ import annotations

import contextlib
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
from runner.pipeline.preflight import access_errors
from runner.pipeline.stages.compare import Scores, changes_in
from runner.pipeline.worker import heartbeat, judge_refusals, record_wait
from runner.protocols import Judge
from store import queries
from store.costs.judge_cost import AUDITED_QUESTIONS, JudgingEstimate, estimate
from store.costs.model_shutdowns import shutdown_errors
from store.database import Store
from store.event_log import leases
from store.event_log.journal import Journal, read_events
from store.events import (
    AnswerRecord, AnswersGiven, AnswersJudgedAgain, AnswersScored, JudgingCompared, JudgingEstimated, JudgingFinished,
    JudgingStarted, QuestionRecord, QuestionsAsked, ReferenceRecord, ReferencesWritten,
)
from store.metrics import ANSWER_METRICS, JUDGE_METRICS
from store.run_config import RunConfig
from store.config_checks import check

ARMS = ("baseline", "tuned")
ReportProgress = Callable[[str], None]
OpenJudges = Callable[[RunConfig, str, Store, Journal], tuple[Judge, LLMJudge | None]]


@dataclass(frozen=True)
class RejudgeRequest:
    """Which run and cycles to judge, by which metrics and which judge."""

    run: queries.Run
    metrics: tuple[str, ...]
    config: RunConfig
    """The run's configuration, with the judge replaced by the requested one."""
    cycles: tuple[int, ...]

    @property
    def text_metrics(self) -> tuple[str, ...]:
        return tuple(metric for metric in self.metrics if metric in ANSWER_METRICS)

    @property
    def llm_metrics(self) -> tuple[str, ...]:
        return tuple(metric for metric in self.metrics if metric in JUDGE_METRICS)

    def estimate(self, store: Store) -> JudgingEstimate | None:
        """Return the estimated calls, tokens and cost of the judge model; None if no metric needs one."""
        if not self.llm_metrics:
            return None
        stored = read_stored(store, self.run.id)
        answers = sum(len(stored.scored_items(cycle, arm, self.config.max_new_tokens))
                      for cycle in (0, *self.cycles) for arm in ARMS)
        longest = self.config.max_new_tokens
        return estimate(self.config.judge, answers, self.llm_metrics, longest,
                        min(AUDITED_QUESTIONS, len(stored.held_out())), self.config.max_reply_tokens)


def parse_request(run: queries.Run, metrics: Sequence[str], judge: str | None, base_url: str | None,
                  cycle: int | None) -> RejudgeRequest:
    """Validate the arguments of `judge` and return them as a request.

    Raises:
        UserError: the run has no such cycle, no judge is named, or its API key is missing.
        InvalidConfig: an invalid judge.
    """
    llm_metrics = tuple(metric for metric in metrics if metric in JUDGE_METRICS)
    config = dataclasses.replace(run.config, judge_metrics=llm_metrics or run.config.judge_metrics,
                                 teacher_batch=False)  # someone waits for the scores
    if judge:
        config = dataclasses.replace(config, judge=judge, judge_base_url=base_url)
    if llm_metrics and not config.judge:
        raise UserError(f"{', '.join(llm_metrics)} needs a judge model: name it with --judge")
    if not llm_metrics:
        config = dataclasses.replace(config, judge="", judge_base_url=None)
    config = dataclasses.replace(config, headline="choice_accuracy")  # no verdict is made here
    check(config)
    judging = dataclasses.replace(config, teacher="knowledge-base")
    if found := [*shutdown_errors(judging), *access_errors(judging)]:
        raise UserError(found[0])
    known = tuple(range(1, (run.cycle or run.config.cycles) + 1))
    if cycle is not None and cycle not in known:
        raise UserError(f"run {run.id} has no cycle {cycle}")
    return RejudgeRequest(run, tuple(metrics), config, known if cycle is None else (cycle,))


@dataclass(frozen=True)
class StoredAnswers:
    """A run's questions, references and answers, by cycle; cycle 0 is the run itself."""

    questions: dict[int, list[QuestionRecord]]
    references: dict[str, ReferenceRecord]
    answers: dict[tuple[int, str], dict[str, AnswerRecord]]

    def scored_items(self, cycle: int, arm: str, token_limit: int) -> list[ScoredItem]:
        """Return an arm's answers in one cycle, each with its question and reference."""
        asked = [*self.questions.get(0, []), *(self.questions.get(cycle, []) if cycle else [])]
        answers = self.answers.get((cycle, arm), {})
        return [ScoredItem(question, answers[question.question_id], self.references[question.question_id], token_limit)
                for question in asked if question.question_id in answers and question.question_id in self.references]

    def held_out(self) -> list[QuestionRecord]:
        return [question for question in self.questions.get(0, []) if question.tier == HELD_OUT]


def read_stored(store: Store, run: str) -> StoredAnswers:
    """Read questions, references and answers from a run's events; of a stage that ran again, the last result counts."""
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
    """Return the judge that needs no model, and the LLM judge if the configuration names one."""
    return open_judge(), open_llm_judge(config, run, store, partial(record_wait, journal),
                                        judge_refusals(config, journal))


def rejudge(store: Store, request: RejudgeRequest, report: ReportProgress,
            open_judges: OpenJudges = open_judges) -> int:
    """Judge the run's answers again; return the number of this judging within its run.

    Raises:
        UserError: the run is active, or has no answers.
    """
    with journal_of_finished_run(store, request.run.id) as journal:
        return _RejudgeTask(store, journal, request, report, open_judges).run()


@contextlib.contextmanager
def journal_of_finished_run(store: Store, run: str) -> Iterator[Journal]:
    """Claim a run that has ended and yield its journal; the claim is renewed meanwhile and released afterwards.

    Raises:
        UserError: the run is active, or another process holds it.
    """
    claim = leases.claim_finished_run(store, leases.owner_name(), run)
    if claim is None:
        raise UserError(f"run {run} is in use: try again when it has ended")
    journal = Journal(store, claim)
    try:
        with heartbeat(store, journal):
            yield journal
    finally:
        leases.release(store, claim)


class _RejudgeTask:
    """One judging in progress."""

    def __init__(self, store: Store, journal: Journal, request: RejudgeRequest, report: ReportProgress,
                 open_judges: OpenJudges) -> None:
        self.store, self.journal, self.request, self.report = store, journal, request, report
        self.number = 1 + max((one.judging for one in queries.judgings_of(store, request.run.id)), default=0)
        self.stored = read_stored(store, request.run.id)
        self.judge, self.llm_judge = open_judges(request.config, request.run.id, store, journal)
        self.scored = self.total = 0

    def run(self) -> int:
        config = self.request.config
        self.journal.append(JudgingStarted(self.number, self.request.metrics, judge_name(config), self.request.cycles))
        if estimated := self.request.estimate(self.store):
            self.journal.append(JudgingEstimated(metrics=self.request.llm_metrics, **dataclasses.asdict(estimated)))
        self._audit()
        of_run = self._score(0)
        for cycle in self.request.cycles:
            self._compare(cycle, of_run | self._score(cycle))
        usage = self.llm_judge.usage() if self.llm_judge else None
        self.journal.append(JudgingFinished(
            self.number, self.scored, self.total, usage.calls if usage else 0,
            usage.prompt_tokens + usage.completion_tokens if usage else 0, usage.cost_usd if usage else None))
        return self.number

    def _audit(self) -> None:
        probes = build_probes(self.stored.held_out(), self.stored.references, AUDITED_QUESTIONS)
        for score in self._scorers("audit"):
            found = validate_judge(probes, score, self.number) if probes else \
                not_validated([(metric, "none") for metric in self.request.metrics], NO_PROBES, self.number)
            self.journal.append(*found)
            for one in found:
                outcome = "passed" if one.passed else f"FAILED: {'; '.join(one.reasons)}"
                self.report(f"  audit of {one.metric}: {outcome}")

    def _scorers(self, arm: str) -> Iterator[ScoreAll]:
        """Yield the requested scoring functions: by text alone, and by the LLM judge."""
        if self.request.text_metrics:
            yield lambda given, again: score_answers(self.judge, arm, given, self.request.text_metrics)
        llm_judge, metrics = self.llm_judge, self.request.llm_metrics
        if metrics and llm_judge:
            yield lambda given, again: llm_scores(llm_judge, arm, given, metrics, lambda done, total: None, again)

    def _score(self, cycle: int) -> Scores:
        """Score the answers of a cycle arm by arm; each arm's scores are recorded before the next begins."""
        found: Scores = {}
        for arm in ARMS:
            given = self.stored.scored_items(cycle, arm, self.request.config.max_new_tokens)
            for score in self._scorers(arm) if given else ():
                for event in score(given, ""):
                    self._record(cycle, event)
                    found |= {(arm, one.question_id, one.metric): one.value for one in event.scores}
        return found

    def _record(self, cycle: int, event: AnswersScored) -> None:
        self.journal.append(AnswersJudgedAgain(self.number, event.arm, event.judge, event.scores), cycle=cycle)
        scored = sum(score.value is not None for score in event.scores)
        self.scored, self.total = self.scored + scored, self.total + len(event.scores)
        where = f"cycle {cycle}" if cycle else "run"
        self.report(f"  {where}, {event.arm}: {event.scores[0].metric}, {scored} of {len(event.scores)} scored")

    def _compare(self, cycle: int, scores: Scores) -> None:
        asked = [*self.stored.questions.get(0, []), *self.stored.questions.get(cycle, [])]
        changes = changes_in(asked, scores, self.request.run.config)
        self.journal.append(JudgingCompared(self.number, tuple(changes)), cycle=cycle)
