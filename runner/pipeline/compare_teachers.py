"""Compare a run's teacher with another: it writes references to the same questions, and the answers are scored again.

The run's references, scores and verdict stay as they are. What was found is one event of the run, so that backups,
rebuilt read models and other runners have it; the calls are stored under a purpose of their own, so that they are no
part of the run's cost and a repetition pays nothing.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from knowledge.domain import Domain, domain_of
from runner.pipeline.run_knowledge import domain_name
from knowledge.passages import Passage
from knowledge.questions import GENERAL, Question
from runner.errors import UserError
from runner.judge import open_judge
from runner.judge.scoring import ScoredItem, score_answers
from runner.llm.errors import TeacherError
from runner.pipeline.preflight import access_errors
from runner.pipeline.rejudge import ARMS, StoredAnswers, journal_of_finished_run, read_stored
from runner.pipeline.stages.compare import Scores, changes_in
from runner.pipeline.stages.event_records import question_from_record
from runner.pipeline.worker import record_wait, teacher_refusals
from runner.protocols import Judge, Reference, Teacher
from runner.teacher import open_teacher, prompts
from runner.teacher.llm_teacher import REFERENCE_ATTEMPTS, REFERENCE_TOKENS
from store import queries
from store.costs.model_shutdowns import shutdown_errors
from store.costs.reference_cost import ReferencesEstimate, estimate_references
from store.costs.teacher_budget import budget_errors
from store.database import Store
from store.event_log.journal import Journal
from store.events import AgreementRecord, QuestionRecord, ReferenceRecord, RescoredRecord, TeachersCompared
from store.run_config import OFFLINE_TEACHER, RunConfig
from store.config_checks import check
from store.statistics import clustered_interval

AGREEMENT_METRICS = ("answer_similarity", "rouge_l", "chrf")
ReportProgress = Callable[[str], None]
OpenTeacher = Callable[[RunConfig, str, Store, Journal], Teacher]


@dataclass(frozen=True)
class ComparisonRequest:
    """Which run's teacher is compared with which other."""

    run: queries.Run
    config: RunConfig
    """The run's configuration with the other teacher."""
    stored: StoredAnswers

    @property
    def asked(self) -> list[tuple[int, QuestionRecord]]:
        """Every question that the run's teacher wrote a reference to, with its cycle; 0 is the test."""
        return [(cycle, question) for cycle, asked in sorted(self.stored.questions.items()) for question in asked
                if question.tier != GENERAL and question.question_id in self.stored.references]

    def domain(self) -> Domain:
        """The questions' passages as the run recorded them; its documents may have changed since."""
        return domain_of(domain_name(self.config), [
            Passage(question.passage_id, question.topic, "run", question.title, question.passage, question.address,
                    question.key_terms, (question.text,)) for _, question in self.asked])

    def estimate(self) -> ReferencesEstimate | None:
        """The expected calls, tokens and cost; None for the offline teacher."""
        if self.config.teacher == OFFLINE_TEACHER:
            return None
        domain = self.domain()
        written = [prompts.reference_prompt(domain.name, question.text, domain.passage(question.passage_id))
                   for _, question in self.asked]
        return estimate_references(self.config.teacher, [len(one.system) + len(one.user) for one in written],
                                   REFERENCE_TOKENS, REFERENCE_ATTEMPTS, self.config.max_reply_tokens)


def parse_request(store: Store, run: queries.Run, teacher: str, base_url: str | None, effort: str,
                  max_cost_usd: float | None) -> ComparisonRequest:
    """Validate the arguments of `compare-teachers` and return them as a request.

    Args:
        effort: the setting of the reasoning effort.
        max_cost_usd: the most that the other teacher's calls may cost; None for no limit.

    Raises:
        UserError: it is the run's own teacher, its key is missing, its price is not known and a budget is set, or the
            run has no references.
        InvalidConfig: an invalid value, or a model that was shut down.
    """
    if (teacher, base_url) == (run.config.teacher, run.config.teacher_base_url):
        raise UserError(f"{teacher} is the teacher of run {run.id}: name another one with --teacher")
    config = check(dataclasses.replace(
        run.config, teacher=teacher, teacher_base_url=base_url, teacher_effort=effort, max_cost_usd=max_cost_usd,
        teacher_batch=False, from_replies="", question_form="auto", judge="", judge_base_url=None,
        headline="choice_accuracy"))  # no judge is asked and no verdict is made here
    if found := [*shutdown_errors(config), *budget_errors(config), *access_errors(config)]:
        raise UserError(found[0])
    request = ComparisonRequest(run, config, read_stored(store, run.id))
    if not request.asked:
        raise UserError(f"run {run.id} has no references to compare with: it ended before they were written")
    return request


def open_other_teacher(config: RunConfig, run: str, store: Store, journal: Journal) -> Teacher:
    """Open the other teacher; waits and refused options are recorded in the run."""
    return open_teacher(config, run, store, partial(record_wait, journal),
                        on_refused=teacher_refusals(config, journal), comparing=True)


def compare_teachers(store: Store, request: ComparisonRequest, report: ReportProgress,
                     open_teacher: OpenTeacher = open_other_teacher,
                     open_judge: Callable[[], Judge] = open_judge) -> TeachersCompared:
    """Have the references written, compare them and score the answers again; return what was recorded.

    Args:
        report: is given a line now and then.

    Raises:
        UserError: the run is active, or the other teacher cannot be asked; what it wrote is stored.
    """
    with journal_of_finished_run(store, request.run.id) as journal:
        teacher, written = _references(store, request, journal, report, open_teacher)
        compared = _compared(request, teacher, written, open_judge())
        journal.append(compared)
        return compared


def _references(store: Store, request: ComparisonRequest, journal: Journal, report: ReportProgress,
                open_teacher: OpenTeacher) -> tuple[Teacher, list[Reference]]:
    questions: list[Question] = [question_from_record(question) for _, question in request.asked]
    done: list[Reference] = []

    def written(reference: Reference) -> None:
        done.append(reference)
        if len(done) % 10 == 0 or len(done) == len(questions):
            report(f"  {len(done)} of {len(questions)} references")
    try:
        teacher = open_teacher(request.config, request.run.id, store, journal)
        return teacher, teacher.write_references(request.domain(), questions, written)
    except TeacherError as error:
        raise UserError(f"{error}. {len(done)} of {len(questions)} references were written; their replies are stored, "
                        "and a repetition pays only for the others") from error


def _compared(request: ComparisonRequest, teacher: Teacher, written: Sequence[Reference],
              judge: Judge) -> TeachersCompared:
    records = {one.question_id: ReferenceRecord(one.question_id, one.text, one.missing, one.evidence, (), ())
               for one in written}
    usage = teacher.usage()
    own = request.run.config
    return TeachersCompared(
        teacher.name, f"{own.teacher} at {own.teacher_base_url}" if own.teacher_base_url else own.teacher,
        tuple(records.values()), tuple(_agreement(request, records, judge)), tuple(_changes(request, records, judge)),
        usage.calls, usage.prompt_tokens + usage.completion_tokens, usage.cost_usd)


def _agreement(request: ComparisonRequest, new: dict[str, ReferenceRecord], judge: Judge) -> list[AgreementRecord]:
    """Score the other references against the run's own, tier by tier; a missing one is counted, never imputed."""
    rows = []
    for tier in dict.fromkeys(question.tier for _, question in request.asked):
        questions = [question for _, question in request.asked if question.tier == tier]
        both = [(question, after, before) for question in questions
                if (after := new[question.question_id].text)
                and (before := request.stored.references[question.question_id].text)]
        pairs = [(after, before) for _, after, before in both]
        overlaps = judge.overlaps(pairs)
        values = {"answer_similarity": judge.similarities(pairs),
                  "rouge_l": [one.rouge_l if one else None for one in overlaps],
                  "chrf": [one.chrf if one else None for one in overlaps]}
        rows += [_row(tier, metric, values[metric], [question.passage_id for question, _, _ in both], len(questions))
                 for metric in AGREEMENT_METRICS]
    return rows


def _row(tier: str, metric: str, values: Sequence[float | None], passages: Sequence[str],
         asked: int) -> AgreementRecord:
    scored = [(value, passage) for value, passage in zip(values, passages, strict=True) if value is not None]
    if not scored:
        return AgreementRecord(tier, metric, None, None, None, 0, asked)
    numbers = [value for value, _ in scored]
    low, high = clustered_interval(numbers, [passage for _, passage in scored])
    return AgreementRecord(tier, metric, sum(numbers) / len(numbers), None if low is None else max(0.0, low),
                           None if high is None else min(1.0, high), len(numbers), asked)


def _changes(request: ComparisonRequest, new: dict[str, ReferenceRecord], judge: Judge) -> list[RescoredRecord]:
    """Score the stored answers against the other references, by all metrics that need only the answer."""
    stored = StoredAnswers(request.stored.questions, new, request.stored.answers)
    limit, rows = request.config.max_new_tokens, []
    of_run = _scores(judge, stored, 0, limit)
    for cycle in sorted({cycle for cycle, _ in stored.answers if cycle}):
        asked = [question for at, question in request.asked if at in (0, cycle)]
        for change in changes_in(asked, of_run | _scores(judge, stored, cycle, limit), request.run.config):
            if not change.topic:
                fields = {field.name: getattr(change, field.name) for field in dataclasses.fields(RescoredRecord)
                          if field.name != "cycle"}
                rows.append(RescoredRecord(cycle, **fields))
    return rows


def _scores(judge: Judge, stored: StoredAnswers, cycle: int, token_limit: int) -> Scores:
    found: Scores = {}
    for arm in ARMS:
        given: list[ScoredItem] = stored.scored_items(cycle, arm, token_limit)
        for event in score_answers(judge, arm, given) if given else ():
            found |= {(arm, score.question_id, score.metric): score.value for score in event.scores}
    return found
