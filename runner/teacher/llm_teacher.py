"""A chat model as the teacher: asks questions about passages, and writes references from them.

Errors of the endpoint are raised, for the recovery table: all replies are stored, so a repetition costs only
what is missing. Errors of one reply are data: a rejected question, a missing reference.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TypeVar

from knowledge.domain import Domain
from knowledge.questions import Question
from runner.llm.chat import ChatRequest, Completion
from runner.llm.errors import ContextTooLong, EndpointError, ReplyError, RequestRefused, UnreadableReply
from runner.llm.response_cache import CachedChat
from runner.protocols import Answer, Reference, RejectedQuestion, Usage
from runner.teacher import prompts
from runner.teacher.question_search import PASSAGES_PER_CALL, Batch, QuestionSearch
from runner.teacher.reference_checks import reference_rejection
from runner.teacher.reply_parsing import parse_answer, parse_questions
from store.costs.playground_budget import REPLY_TOKENS

T = TypeVar("T")

QUESTION_TEMPERATURE = 0.7
REFERENCE_TEMPERATURE = 0.2
TOKENS_A_QUESTION = 200
"""Token limit for a question with its evidence, as JSON."""
REFERENCE_TOKENS = 600
REFERENCE_ATTEMPTS = 2


class LLMTeacher:
    """Implements `runner.protocols.Teacher` over a chat model."""

    def __init__(self, chat: CachedChat, name: str, concurrency: int) -> None:
        self.name = name
        self.rejected: list[RejectedQuestion] = []
        """What the latest `ask_questions` rejected, each with its reason."""
        self._chat = chat
        self._concurrency = concurrency

    def ask_questions(self, domain: Domain, topics: Sequence[str], count: int, tier: str, seed: int,
                      exclude: Sequence[Question]) -> list[Question]:
        """Up to `count` validated questions, spread over the topics; fewer where the search ended early.

        Raises:
            EndpointError: the endpoint cannot be used; its `obtained` holds the questions accepted so far.
        """
        search = QuestionSearch(domain, topics, count, tier, seed, exclude)
        self.rejected = search.rejected
        number = 0
        while batches := search.batches():
            number += 1
            requests = [_question_request(domain, batch, tier, seed, number) for batch in batches]
            outcomes = self._concurrently(requests)
            for batch, outcome in zip(batches, outcomes, strict=True):
                _record_outcome(search, batch, outcome)
            _raise_first(outcomes, search.accepted)
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
        for attempt in range(REFERENCE_ATTEMPTS):
            try:
                answer, evidence = parse_answer(usable_text(self._chat.complete(_reference_request(domain, question,
                                                                                                   attempt))))
            except ReplyError as error:
                reason = str(error)
                continue
            reason = reference_rejection(answer, question.text, passage) or ""
            if not reason:
                quoted = evidence and evidence.casefold() in " ".join(passage.text.split()).casefold()
                return Reference(question.id, answer, evidence if quoted else question.evidence)
        return _missing(question, reason)

    def write_references(self, domain: Domain, questions: Sequence[Question],
                         on_reference: Callable[[Reference], None] = lambda _: None) -> list[Reference]:
        """All references in the order of the questions, several calls at a time; `on_reference` gets each in order.

        Raises:
            EndpointError: as `write_reference`; `on_reference` had those before it.
        """
        return self._in_order(partial(self.write_reference, domain), questions, on_reference)

    def answer_question(self, domain: Domain, question: Question) -> Answer:
        """The teacher's closed-book answer; missing, with the reason, where there is none.

        Raises:
            EndpointError: as `write_reference`.
        """
        try:
            completion = self._chat.complete(_closed_book_request(domain, question))
            text, _ = parse_answer(usable_text(completion))
        except ReplyError as error:
            return Answer(question.id, None, 0, 0.0, str(error))
        return Answer(question.id, text or None, completion.completion_tokens or 0, 0.0, None if text else "empty")

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

    def _in_order(self, one: Callable[[Question], T], questions: Sequence[Question],
                  on_outcome: Callable[[T], None]) -> list[T]:
        """Run several calls at a time; `on_outcome` gets each outcome in the order of the questions."""
        outcomes = []
        with ThreadPoolExecutor(self._concurrency) as pool:
            futures = [pool.submit(one, question) for question in questions]
            try:
                for future in futures:
                    outcomes.append(future.result())
                    on_outcome(outcomes[-1])
            finally:
                pool.shutdown(wait=True, cancel_futures=True)
        return outcomes

    def _concurrently(self, requests: list[ChatRequest]) -> list[Completion | ReplyError | EndpointError]:
        """Outcomes in the order of the requests; a failed call does not discard the results of others."""
        with ThreadPoolExecutor(self._concurrency) as pool:
            return list(pool.map(self._outcome, requests))

    def _outcome(self, request: ChatRequest) -> Completion | ReplyError | EndpointError:
        try:
            return self._chat.complete(request)
        except (ReplyError, EndpointError) as error:
            return error


def _record_outcome(search: QuestionSearch, batch: Batch, outcome: Completion | ReplyError | EndpointError) -> None:
    if isinstance(outcome, EndpointError):
        return
    if isinstance(outcome, ReplyError):
        (search.halve_batch if isinstance(outcome, ContextTooLong) else search.reject_batch)(batch, str(outcome))
        return
    try:
        search.accept_drafts(batch, parse_questions(usable_text(outcome)))
    except ReplyError as error:
        search.reject_batch(batch, str(error))


def _raise_first(outcomes: list[Completion | ReplyError | EndpointError], accepted: list[Question]) -> None:
    for outcome in outcomes:
        if isinstance(outcome, EndpointError):
            outcome.obtained = tuple(accepted)
            raise outcome


def usable_text(completion: Completion) -> str:
    """The text of a complete, non-empty completion.

    Raises:
        RequestRefused: the model or a content filter refused.
        UnreadableReply: cut off at the token limit, or empty.
    """
    if completion.refusal or completion.finish == "content_filter":
        raise RequestRefused(f"the model refused ({(completion.refusal or 'content filter')[:80]}): "
                             "ask about another passage, or use another teacher model")
    if completion.cut_off:
        raise UnreadableReply("the reply was cut off at the token limit: "
                              "use a teacher model that writes shorter, or shorter passages")
    if not completion.text.strip():
        raise UnreadableReply("the reply is empty: ask again, or use another teacher model")
    return completion.text


def _missing(question: Question, reason: str) -> Reference:
    return Reference(question.id, None, question.evidence, missing=reason)


def _question_request(domain: Domain, batch: Batch, tier: str, seed: int, number: int) -> ChatRequest:
    prompt = prompts.question_prompt(domain.name, domain.topic_names.get(batch.topic, batch.topic), tier,
                                     [attempt.material for attempt in batch.attempts])
    return ChatRequest(prompt.system, prompt.user, "questions", prompts.QUESTIONS_SCHEMA, QUESTION_TEMPERATURE,
                       TOKENS_A_QUESTION * (PASSAGES_PER_CALL + 1), seed, "questions",
                       f"{tier} {batch.topic} round {number}")


def _reference_request(domain: Domain, question: Question, attempt: int) -> ChatRequest:
    prompt = prompts.reference_prompt(domain.name, question.text, domain.passage(question.passage_id))
    return ChatRequest(prompt.system, prompt.user, "reference", prompts.REFERENCE_SCHEMA, REFERENCE_TEMPERATURE,
                       REFERENCE_TOKENS, attempt, "reference", f"{question.id} try {attempt + 1}")


def _closed_book_request(domain: Domain, question: Question) -> ChatRequest:
    prompt = prompts.closed_book_prompt(domain.name, question.text)
    return ChatRequest(prompt.system, prompt.user, "answer", prompts.ANSWER_SCHEMA, REFERENCE_TEMPERATURE,
                       REPLY_TOKENS, 0, "closed book", question.id)
