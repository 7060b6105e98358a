"""Convert between questions of the knowledge package and the records in events; ask the teacher for questions."""

from __future__ import annotations

import logging
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from textwrap import shorten

from knowledge.domain import Domain
from knowledge.given_questions import ANSWER_ALONE
from knowledge.kubernetes.topics import unknown_topics
from knowledge.questions import ANY_PASSAGE, PassageChoice, Question
from runner.pipeline.stage_context import StageContext
from runner.protocols import Usage
from store.events import Event, QuestionRecord, QuestionsAsked, QuestionsRejected, RejectedRecord
from store.files import sha256_of


_MAX_REASONS = 3
_QUOTED_CHARACTERS = 80
"""Of a rejected draft, in the error of a teacher that cannot ask."""
logger = logging.getLogger("runner.pipeline")


class UnknownTopic(Exception):
    """A configured topic does not exist in this run's documents."""
    error_kind = "knowledge"


class TooFewQuestions(Exception):
    """No question could be obtained on the chosen topics: too little is left to ask about."""
    error_kind = "knowledge"


class NoUsableReply(Exception):
    """No reply of the teacher held a valid question; the message quotes what it wrote and why that was rejected."""
    error_kind = "teacher reply unreadable"
    retryable = False


def questions_event(domain: Domain, teacher: str, questions: Sequence[Question], wanted: int) -> QuestionsAsked:
    """Return the event that records questions with their source passages."""
    return QuestionsAsked(teacher, tuple(question_record(domain, question) for question in questions), wanted,
                          set_hash(questions))


@dataclass(frozen=True)
class TeacherRequest:
    """A number of questions of one tier that the teacher is asked for."""

    tier: str
    topics: Sequence[str]
    """Topic slugs."""
    count: int
    choice: PassageChoice = ANY_PASSAGE


def ask_teacher(context: StageContext, requests: Sequence[TeacherRequest], seed: int,
                exclude: Sequence[Question]) -> list[Event]:
    """Generate questions for each request, without duplicates across them; return them and the rejected ones as events.

    Args:
        requests: one with a count of 0 is skipped.
        exclude: questions that must not be repeated.
    """
    teacher, domain = context.resources.teacher, context.domain
    questions: list[Question] = []
    rejected: list[RejectedRecord] = []
    wanted = sum(request.count for request in requests)
    for request in requests:
        if request.count:
            report = partial(_report, context, len(questions), wanted, rejected)
            questions += teacher.ask_questions(domain, request.topics, request.count, request.tier, seed,
                                               [*exclude, *questions], report, request.choice)
            rejected += [RejectedRecord(r.text, r.topic, r.tier, r.passage_id, r.reason) for r in teacher.rejected]
            context.progress(len(questions), wanted, "questions",
                             valid_share(len(questions), [record.reason for record in rejected]))
    if rejected and not questions:
        context.emit(QuestionsRejected(teacher.name, tuple(rejected)))
        raise _no_question_error(teacher.name, rejected)
    events: list[Event] = [questions_event(domain, teacher.name, questions, wanted)]
    return [*events, QuestionsRejected(teacher.name, tuple(rejected))] if rejected else events


def _report(context: StageContext, before: int, wanted: int, rejected: Sequence[RejectedRecord], accepted: int) -> None:
    """Show and log after a call how many drafts are valid so far, and why the others are not.

    Args:
        before: questions of the tiers before this one.
        rejected: drafts of the tiers before this one.
        accepted: questions of this tier so far.
    """
    reasons = [*(record.reason for record in rejected), *(one.reason for one in context.resources.teacher.rejected)]
    detail = valid_share(before + accepted, reasons)
    context.progress(before + accepted, wanted, "questions", detail)
    if reasons:
        logger.info("%s, %s: %s", context.run, context.stage, detail)


def valid_share(valid: int, reasons: Sequence[str]) -> str:
    """How many drafts are valid, with the most frequent reasons of the others; empty where none was rejected."""
    if not reasons:
        return ""
    return f"{valid} of {valid + len(reasons)} drafts valid; not valid: {_counted(reasons)}"


def _counted(reasons: Sequence[str], written: Mapping[str, str] | None = None) -> str:
    """The most frequent reasons with their counts and, where given, what was written by reason."""
    alike: dict[str, Counter[str]] = {}
    for reason in reasons:  # reasons are alike that differ only in what they quote
        alike.setdefault(re.split(r"[('\"]", reason)[0], Counter())[reason] += 1
    groups = sorted(alike.values(), key=lambda group: -group.total())
    summary = []
    for group in groups[:_MAX_REASONS]:
        reason = group.most_common(1)[0][0]
        example = (written or {}).get(reason, "")
        quoted = f", such as {shorten(example, _QUOTED_CHARACTERS, placeholder=' ...')!r}" if example else ""
        summary.append(f"{reason} ({group.total()} of {len(reasons)}{quoted})")
    more = len(groups) - _MAX_REASONS
    return "; ".join([*summary, *([f"and {more} more reasons"] if more > 0 else [])])


def _no_question_error(teacher: str, rejected: Sequence[RejectedRecord]) -> Exception:
    """The error of a teacher without a single accepted question: what it wrote, and why that was rejected."""
    summary = _counted([record.reason for record in rejected],
                       {record.reason: record.text for record in reversed(rejected)})
    logger.warning("no question of %s was accepted: %s", teacher, summary)
    drafts = sum(bool(record.text) for record in rejected)
    if not drafts:
        return NoUsableReply(f"{teacher} wrote no question: {summary}")
    repeated = sum(record.reason.startswith("asks the same") for record in rejected)
    kind = TooFewQuestions if repeated > drafts / 2 else NoUsableReply
    return kind(f"none of the {drafts} questions that {teacher} wrote was accepted: {summary}")


def trained_topics(context: StageContext) -> tuple[str, ...]:
    """Return the topics to train on: the configured ones, or all of the domain but the unseen topics.

    Raises:
        UnknownTopic: a configured topic does not exist in the domain.
    """
    known, config = context.domain.topics, context.config
    if wrong := unknown_topics((*config.topics, *config.new_topics), known):
        raise UnknownTopic("; ".join(wrong))
    return config.topics or tuple(slug for slug in known if slug not in config.new_topics)


def record_usage(context: StageContext) -> None:
    """Log the teacher's usage so far as metrics: calls, tokens, and cost in USD if its price is known."""
    usage = context.resources.teacher.usage()
    if usage.calls:
        log_usage(context, "teacher", usage)


def log_usage(context: StageContext, who: str, usage: Usage) -> None:
    """Log a usage so far as metrics of `teacher` or `judge`: calls, tokens, and cost in USD if its price is known."""
    context.metric(f"{who}_calls", context.cycle, usage.calls, "calls")
    context.metric(f"{who}_tokens", context.cycle, usage.prompt_tokens + usage.completion_tokens, "tokens")
    context.metric(f"{who}_cost_usd", context.cycle, usage.cost_usd, "USD")
    for part in ("reasoning_tokens", "cached_prompt_tokens"):
        if tokens := getattr(usage, part):
            context.metric(f"{who}_{part}", context.cycle, tokens, "tokens")


def question_record(domain: Domain, question: Question) -> QuestionRecord:
    """Return a question with its passage's text, so that the record can be read without the documents.

    The text is empty where a person gave an answer without a passage.
    """
    passage = domain.passage(question.passage_id)
    text = "" if passage.source == ANSWER_ALONE else passage.text
    return QuestionRecord(question.id, question.tier, question.topic, question.text, passage.id, passage.title,
                          text, passage.address, question.evidence, passage.key_terms)


def question_from_record(record: QuestionRecord) -> Question:
    """Return the question that a record holds."""
    return Question(id=record.question_id, text=record.text, topic=record.topic, tier=record.tier,
                    passage_id=record.passage_id, evidence=record.evidence, title=record.title)


def set_hash(questions: Sequence[Question]) -> str:
    """Return a hash of a set of questions, independent of their order."""
    return hash_of_texts(question.text for question in questions)


def hash_of_texts(texts: Iterable[str]) -> str:
    """Return a hash of texts, independent of their order: the first 16 hexadecimal digits of SHA-256."""
    return sha256_of("\n".join(sorted(texts)).encode())[:16]
