"""Convert between questions of the knowledge package and the records in events; ask the teacher for questions."""

from __future__ import annotations

import logging
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from knowledge.domain import Domain
from knowledge.kubernetes.topics import unknown_topics
from knowledge.questions import Question
from runner.pipeline.stage_context import StageContext
from store.events import Event, QuestionRecord, QuestionsAsked, QuestionsRejected, RejectedRecord
from store.files import sha256_of


_MAX_REASONS = 3
logger = logging.getLogger("runner.pipeline")


class UnknownTopic(Exception):
    """A configured topic does not exist in this run's documents."""
    error_kind = "knowledge"


class TooFewQuestions(Exception):
    """No question could be obtained on the chosen topics: too little to ask about, or all drafts were rejected."""
    error_kind = "knowledge"


class NoUsableReply(Exception):
    """No reply of the teacher held a question; the message quotes the endpoint."""
    error_kind = "teacher reply unreadable"
    retryable = False


def questions_event(domain: Domain, teacher: str, questions: Sequence[Question], wanted: int) -> QuestionsAsked:
    """Return the event that records questions with their source passages."""
    return QuestionsAsked(teacher, tuple(question_record(domain, question) for question in questions), wanted,
                          set_hash(questions))


def ask_teacher(context: StageContext, wanted: Mapping[str, int], topics: Mapping[str, Sequence[str]], seed: int,
                exclude: Sequence[Question]) -> list[Event]:
    """Generate questions for each tier, without duplicates across tiers; return them and the rejected ones as events.

    Args:
        wanted: tier -> number of questions; a tier with 0 is skipped.
        topics: tier -> topic slugs.
        exclude: questions that must not be repeated.
    """
    teacher, domain = context.resources.teacher, context.domain
    questions: list[Question] = []
    rejected: list[RejectedRecord] = []
    for tier, count in wanted.items():
        if count:
            questions += teacher.ask_questions(domain, topics[tier], count, tier, seed, [*exclude, *questions])
            rejected += [RejectedRecord(r.text, r.topic, r.tier, r.passage_id, r.reason) for r in teacher.rejected]
            context.progress(len(questions), sum(wanted.values()), "questions")
    if rejected and not questions:
        context.emit(QuestionsRejected(teacher.name, tuple(rejected)))
        raise _no_question_error(teacher.name, rejected)
    events: list[Event] = [questions_event(domain, teacher.name, questions, sum(wanted.values()))]
    return [*events, QuestionsRejected(teacher.name, tuple(rejected))] if rejected else events


def _no_question_error(teacher: str, rejected: Sequence[RejectedRecord]) -> Exception:
    """The error of a teacher without a single accepted question, with the most frequent reasons and their counts."""
    alike: dict[str, Counter[str]] = {}
    for record in rejected:  # reasons are alike that differ only in what they quote
        alike.setdefault(re.split(r"[('\"]", record.reason)[0], Counter())[record.reason] += 1
    groups = sorted(alike.values(), key=lambda group: -group.total())
    summary = "; ".join(f"{group.most_common(1)[0][0]} ({group.total()} of {len(rejected)})"
                        for group in groups[:_MAX_REASONS])
    if len(groups) > _MAX_REASONS:
        summary += f"; and {len(groups) - _MAX_REASONS} more reasons"
    logger.warning("no question of %s was accepted: %s", teacher, summary)
    drafts = sum(bool(record.text) for record in rejected)
    if drafts:
        return TooFewQuestions(f"none of the {drafts} questions that {teacher} wrote was accepted: {summary}")
    return NoUsableReply(f"{teacher} wrote no question: {summary}")


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
        context.metric("teacher_calls", context.cycle, usage.calls, "calls")
        context.metric("teacher_tokens", context.cycle, usage.prompt_tokens + usage.completion_tokens, "tokens")
        context.metric("teacher_cost_usd", context.cycle, usage.cost_usd, "USD")
        if usage.reasoning_tokens:
            context.metric("teacher_reasoning_tokens", context.cycle, usage.reasoning_tokens, "tokens")


def question_record(domain: Domain, question: Question) -> QuestionRecord:
    """Return a question with its passage's text, so that the record can be read without the documents."""
    passage = domain.passage(question.passage_id)
    return QuestionRecord(question.id, question.tier, question.topic, question.text, passage.id, passage.title,
                          passage.text, passage.address, question.evidence, passage.key_terms)


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
