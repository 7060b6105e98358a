"""A chat model as the teacher: asks questions about passages, and writes references from them.

Errors of the endpoint are raised, for the recovery table: all replies are stored, so a repetition costs only
what is missing. Errors of one reply are data: a rejected question, a missing reference.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TypeVar

from knowledge.domain import Domain
from knowledge.passages import Passage
from knowledge.questions import ANY_PASSAGE, PARAPHRASE, PassageChoice, Question
from runner.llm.chat import ChatRequest, Completion
from runner.llm.errors import (
    ContextTooLong, CostLimitReached, EndpointError, NotAsked, ReplyError, TeacherUnusable,
)
from runner.llm.postponed_calls import Postponed
from runner.llm.repeated_failures import RepeatedFailures
from runner.llm.response_cache import CachedChat
from runner.protocols import Answer, PassageFacts, Reference, RejectedQuestion, Usage
from runner.teacher import prompts
from runner.teacher.fact_writer import PURPOSE as FACTS
from runner.teacher.fact_writer import write_facts
from runner.teacher.question_forms import FORMS, QuestionForm
from runner.teacher.question_search import Batch, QuestionSearch
from runner.teacher.reference_checks import reference_rejection
from runner.teacher.reply_parsing import Draft, parse_answer, parse_plain_answer
from runner.teacher.usable_text import usable_text
from store.costs.playground_budget import REPLY_TOKENS

S = TypeVar("S")
T = TypeVar("T")

QUESTION_TEMPERATURE = 0.7
REFERENCE_TEMPERATURE = 0.2
REFERENCE_TOKENS = 600
REFERENCE_ATTEMPTS = 2
PLAIN_REFERENCE_TOKENS = 80


class LLMTeacher:
    """Implements `runner.protocols.Teacher` over a chat model."""

    def __init__(self, chat: CachedChat, name: str, concurrency: int,
                 forms: Sequence[QuestionForm] = FORMS[:1]) -> None:
        """`forms` are the forms of questions to try in turn (`question_forms.forms_for`)."""
        self.name = name
        self._forms = tuple(forms)
        self._needs_simple_words = FORMS[0] not in self._forms
        self.rejected: list[RejectedQuestion] = []
        """What the latest `ask_questions` rejected, each with its reason."""
        self._chat = chat
        self._concurrency = concurrency
        self._failures = RepeatedFailures(f"the teacher {name}", stops=not chat.in_batches)

    def ask_questions(self, domain: Domain, topics: Sequence[str], count: int, tier: str, seed: int,
                      exclude: Sequence[Question], on_progress: Callable[[int], None] = lambda accepted: None,
                      choice: PassageChoice = ANY_PASSAGE) -> list[Question]:
        """Up to `count` validated questions, spread over the topics; fewer where the search ended early.

        Where `choice` names the only passages, the prompts ask for the fact of the questions on them in `exclude`.

        Raises:
            EndpointError: the endpoint cannot be used; its `obtained` holds the questions accepted so far.
            CostLimitReached: the run's budget is spent, and no question was accepted.
        """
        search = QuestionSearch(domain, topics, count, tier, seed, exclude, self._forms, choice)
        asked_as = tier if choice.only is None else PARAPHRASE
        self.rejected = search.rejected
        number = 0
        while True:
            batches, form = search.batches(), search.form
            if not batches:
                if self._failures.only_the_form(_purpose(form)) and search.use_simpler_form():
                    continue
                break
            number += 1
            requests = [_question_request(domain, batch, asked_as, seed, number, form) for batch in batches]
            outcomes: list[list[Draft] | ReplyError | EndpointError] = []
            for batch, outcome in zip(batches, self._draft_concurrently(requests, batches, form), strict=True):
                outcomes.append(outcome)
                _record_outcome(search, batch, outcome)
                on_progress(len(search.accepted))
            _raise_first(outcomes, search.accepted)
            if not search.accepted and all(isinstance(outcome, CostLimitReached) for outcome in outcomes):
                raise next(outcome for outcome in outcomes if isinstance(outcome, CostLimitReached))
            stopped = any(isinstance(outcome, NotAsked) for outcome in outcomes) or \
                self._failures.stopped(_purpose(form)) is not None
            simpler = self._failures.only_the_form(_purpose(form)) and search.use_simpler_form(at_once=stopped)
            if stopped and not simpler:
                break
        self._needs_simple_words |= search.form is not FORMS[0]
        return search.accepted

    def write_reference(self, domain: Domain, question: Question) -> Reference:
        """The reference answer to one question, grounded in its passage; missing, with the reason, where there is none.

        Raises:
            EndpointError: the endpoint cannot be used; a repetition repeats no stored call.
        """
        try:
            passage = domain.passage(question.passage_id)
        except KeyError:
            return _missing(question, f"passage {question.passage_id} is not in the knowledge base {domain.name}")
        reason = ""
        for request in self._reference_requests(domain, question):
            try:
                answer, evidence = self._answer(request)
            except ReplyError as error:
                reason = str(error)
                continue
            reason = reference_rejection(answer, question.text, passage) or ""
            if not reason:
                quoted = evidence and evidence.casefold() in " ".join(passage.text.split()).casefold()
                return Reference(question.id, answer, evidence if quoted else question.evidence)
        return _missing(question, reason)

    def _reference_requests(self, domain: Domain, question: Question) -> list[ChatRequest]:
        """The requests to try in turn: as JSON, and in plain words for a teacher that may be asked in simpler forms."""
        as_json = [_reference_request(domain, question, attempt) for attempt in range(REFERENCE_ATTEMPTS)]
        return [as_json[0], _plain_reference_request(domain, question)] if self._needs_simple_words else as_json

    def write_references(self, domain: Domain, questions: Sequence[Question],
                         on_reference: Callable[[Reference], None] = lambda _: None) -> list[Reference]:
        """All references in the order of the questions, several calls at a time; `on_reference` gets each in order.

        Raises:
            EndpointError: as `write_reference`; `on_reference` had those before it.
            TeacherUnusable: no reference was obtained, because all calls failed in the same way.
        """
        references = self._in_order(partial(self.write_reference, domain), questions, on_reference)
        reason = self._failures.stopped("reference")
        if reason and all(reference.text is None for reference in references):
            raise TeacherUnusable(reason)
        return references

    def write_facts(self, domain: Domain, passages: Sequence[Passage],
                    on_written: Callable[[PassageFacts], None] = lambda _: None) -> list[PassageFacts]:
        """The facts of each passage in many wordings, in order, several calls at a time.

        Raises:
            EndpointError: as `write_reference`; `on_written` had those before it.
            TeacherUnusable: no fact was obtained, because all calls failed in the same way.
        """
        written = self._in_order(partial(write_facts, self._chat, self._failures, domain), passages, on_written)
        if (reason := self._failures.stopped(FACTS)) and not any(of.facts for of in written):
            raise TeacherUnusable(f"{reason}; another teacher may manage it, or study 'rules', which asks for no facts")
        return written

    def answer_question(self, domain: Domain, question: Question) -> Answer:
        """The teacher's closed-book answer; missing, with the reason, where there is none.

        Raises:
            EndpointError: as `write_reference`.
        """
        try:
            text, made = self._failures.call("closed book", partial(self._closed_book, domain, question))
        except ReplyError as error:
            return Answer(question.id, None, 0, 0.0, str(error))
        return Answer(question.id, text or None, made.completion_tokens or 0, made.seconds or 0.0,
                      None if text else "empty")

    def answer_closed_book(self, domain: Domain, questions: Sequence[Question],
                           on_answer: Callable[[Answer], None] = lambda _: None) -> list[Answer]:
        """All closed-book answers in the order of the questions; the calls are stored as all others.

        Raises:
            EndpointError: as `write_reference`; `on_answer` had those before it.
        """
        return self._in_order(partial(self.answer_question, domain), questions, on_answer)

    def usage(self) -> Usage:
        """Calls, tokens and cost of this run so far."""
        return self._chat.usage()

    def _in_order(self, one: Callable[[S], T], items: Sequence[S],
                  on_outcome: Callable[[T], None]) -> list[T]:
        """Run several calls at a time, after a first success; `on_outcome` gets each outcome in order."""
        outcomes: list[T] = []
        waiting, postponed = deque(items), Postponed()
        while not self._failures.proven and waiting:
            with postponed.caught():
                outcomes.append(one(waiting.popleft()))
                on_outcome(outcomes[-1])
        with ThreadPoolExecutor(self._concurrency) as pool:
            futures = [pool.submit(one, item) for item in waiting]
            try:
                for future in futures:
                    with postponed.caught():
                        outcomes.append(future.result())
                        on_outcome(outcomes[-1])
            finally:
                pool.shutdown(wait=True, cancel_futures=True)
        postponed.raise_any()
        return outcomes

    def _answer(self, request: ChatRequest) -> tuple[str, str]:
        if not request.schema:
            return self._failures.call(f"{request.purpose}, plain", lambda: (
                parse_plain_answer(usable_text(self._chat.complete(request), whole=False)), ""))
        return self._failures.call(request.purpose, lambda: parse_answer(usable_text(self._chat.complete(request))))

    def _closed_book(self, domain: Domain, question: Question) -> tuple[str, Completion]:
        completion = self._chat.complete(_closed_book_request(domain, question))
        return parse_answer(usable_text(completion))[0], completion

    def _draft_concurrently(self, requests: list[ChatRequest], batches: Sequence[Batch],
                            form: QuestionForm) -> Iterator[list[Draft] | ReplyError | EndpointError]:
        """Outcomes in the order of the requests; a failed call does not discard the results of others.

        Raises:
            CallPostponed: after the last call, if one was postponed; there are no outcomes from that one on.
        """
        jobs = list(zip(requests, batches, strict=True))
        asked, postponed = 0, Postponed()
        while not self._failures.proven and asked < len(jobs):
            asked += 1
            with postponed.caught():
                outcome = self._outcome(*jobs[asked - 1], form)
            if not postponed.any:
                yield outcome
        with ThreadPoolExecutor(self._concurrency) as pool:
            futures = [pool.submit(self._outcome, *job, form) for job in jobs[asked:]]
            try:
                for future in futures:
                    with postponed.caught():
                        outcome = future.result()
                    if not postponed.any:
                        yield outcome
            finally:
                pool.shutdown(wait=True, cancel_futures=True)
        postponed.raise_any()

    def _outcome(self, request: ChatRequest, batch: Batch,
                 form: QuestionForm) -> list[Draft] | ReplyError | EndpointError:
        materials = [attempt.material for attempt in batch.attempts]
        try:
            return self._failures.call(_purpose(form), lambda: form.parse(
                usable_text(self._chat.complete(request), whole=bool(form.schema)), materials))
        except (ReplyError, EndpointError) as error:
            return error


def _purpose(form: QuestionForm) -> str:
    """What failures are counted by: a model that fails in one form may manage the next."""
    return "questions" if form is FORMS[0] else f"questions, {form.name} form"


def _record_outcome(search: QuestionSearch, batch: Batch, outcome: list[Draft] | ReplyError | EndpointError) -> None:
    if isinstance(outcome, ContextTooLong):
        search.halve_batch(batch, str(outcome))
    elif isinstance(outcome, list):
        search.accept_drafts(batch, outcome)
    elif isinstance(outcome, NotAsked):
        search.put_back(batch)
    elif isinstance(outcome, ReplyError):
        search.reject_batch(batch, str(outcome))


def _raise_first(outcomes: Sequence[list[Draft] | ReplyError | EndpointError], accepted: list[Question]) -> None:
    for outcome in outcomes:
        if isinstance(outcome, EndpointError):
            outcome.obtained = tuple(accepted)
            raise outcome


def _missing(question: Question, reason: str) -> Reference:
    return Reference(question.id, None, question.evidence, missing=reason)


def _question_request(domain: Domain, batch: Batch, tier: str, seed: int, number: int,
                      form: QuestionForm) -> ChatRequest:
    prompt = form.prompt(domain.name, domain.topic_names.get(batch.topic, batch.topic), tier,
                         [attempt.material for attempt in batch.attempts])
    return ChatRequest(prompt.system, prompt.user, "questions", form.schema, QUESTION_TEMPERATURE,
                       form.tokens * (form.passages_per_call + 1), seed, "questions",
                       f"{tier} {batch.topic} round {number}", grow=bool(form.schema))


def _reference_request(domain: Domain, question: Question, attempt: int) -> ChatRequest:
    prompt = prompts.reference_prompt(domain.name, question.text, domain.passage(question.passage_id))
    return ChatRequest(prompt.system, prompt.user, "reference", prompts.REFERENCE_SCHEMA, REFERENCE_TEMPERATURE,
                       REFERENCE_TOKENS, attempt, "reference", f"{question.id} try {attempt + 1}")


def _plain_reference_request(domain: Domain, question: Question) -> ChatRequest:
    prompt = prompts.plain_reference_prompt(question.text, domain.passage(question.passage_id))
    return ChatRequest(prompt.system, prompt.user, "reference", {}, REFERENCE_TEMPERATURE, PLAIN_REFERENCE_TOKENS, 0,
                       "reference", f"{question.id} in plain text", grow=False)


def _closed_book_request(domain: Domain, question: Question) -> ChatRequest:
    prompt = prompts.closed_book_prompt(domain.name, question.text)
    return ChatRequest(prompt.system, prompt.user, "answer", prompts.ANSWER_SCHEMA, REFERENCE_TEMPERATURE,
                       REPLY_TOKENS, 0, "closed book", question.id)
