"""The questions that people brought, in place of those that the teacher would generate, with their own answers."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Sequence

from knowledge.distractors import Distractor, make_distractors
from knowledge.domain import Domain
from knowledge.given_questions import ANSWER_ALONE, GivenQuestion
from knowledge.questions import HELD_OUT, PARAPHRASE, PRACTICE, Question, evidence_of, question_id
from runner.pipeline.stage_context import StageContext
from runner.pipeline.stages.event_records import TooFewQuestions, hash_of_texts, question_record
from store.data_origin import people_writer
from store.events import Event, QuestionSetRead, QuestionsAsked, ReferenceRecord, ReferencesWritten

EQUAL = 100.0
"""People's answers that differ in a number alone are different answers."""
TEST_TIERS = (HELD_OUT, PARAPHRASE)


def files_read(domain: Domain) -> list[QuestionSetRead]:
    """Return an event for each file that people brought questions in."""
    return [QuestionSetRead(**dataclasses.asdict(file)) for file in domain.given_in]


def given_test(context: StageContext) -> list[Event]:
    """Return the whole test that people brought, with its references; empty where they brought none."""
    given = [one for one in context.domain.given if one.tier in TEST_TIERS]
    return [_asked(context.domain, given, "test"), _referred(context, given, "test")] if given else []


def given_practice(context: StageContext) -> list[Event]:
    """Return this cycle's part of the practice set that people brought, in its order; empty where they brought none.

    Raises:
        TooFewQuestions: earlier cycles have used the whole set.
    """
    given = [one for one in context.domain.given if one.tier == PRACTICE]
    if not given:
        return []
    per_cycle = context.config.questions
    part = given[(context.cycle - 1) * per_cycle:context.cycle * per_cycle]
    if not part:
        raise TooFewQuestions(f"the practice set has {len(given)} questions, all of them used before cycle "
                              f"{context.cycle}: choose fewer cycles, or fewer questions per cycle")
    return [_asked(context.domain, part, PRACTICE)]


def given_references(context: StageContext, asked: QuestionsAsked) -> ReferencesWritten | None:
    """Return the references to a cycle's questions where people brought them; else None."""
    ids = {record.question_id for record in asked.questions}
    given = [one for one in context.domain.given if one.tier == PRACTICE and question_id(one.question) in ids]
    return _referred(context, given, PRACTICE) if given else None


def writer_of(domain: Domain, role: str) -> str:
    """Return how a set's writer is recorded: people, with the file's name."""
    return people_writer(next(file.name for file in domain.given_in if file.role == role))


def _asked(domain: Domain, given: Sequence[GivenQuestion], role: str) -> QuestionsAsked:
    records = tuple(question_record(domain, _question(domain, one)) for one in given)
    return QuestionsAsked(writer_of(domain, role), records, len(given),
                          hash_of_texts(f"{one.question}\n{one.answer}" for one in given))


def _question(domain: Domain, one: GivenQuestion) -> Question:
    return Question(question_id(one.question), one.question, one.topic, one.tier, one.passage_id,
                    _evidence(domain, one), domain.passage(one.passage_id).title)


def _evidence(domain: Domain, one: GivenQuestion) -> str:
    """Return the answer where the passage says it, else the passage's sentence with most key terms; empty without a
    passage."""
    passage = domain.passage(one.passage_id)
    if passage.source == ANSWER_ALONE:
        return ""
    return one.answer if one.answer.casefold() in passage.text.casefold() else evidence_of(passage)


def _referred(context: StageContext, given: Sequence[GivenQuestion], role: str) -> ReferencesWritten:
    """Return the people's answers, with distractors from the other answers of their topic."""
    answers = answers_as_passages(context.domain)
    records = []
    for number, one in enumerate(given, 1):
        found: tuple[Distractor, ...] = ()
        with contextlib.suppress(ValueError):  # too few answers that differ: scored by all but multiple choice
            found = make_distractors(one.question, one.answer, answers.passage(one.passage_id), answers,
                                     context.config.seed, same_text=EQUAL)
        records.append(ReferenceRecord(question_id(one.question), one.answer, None, _evidence(context.domain, one),
                                       tuple(distractor.text for distractor in found),
                                       tuple(distractor.rule for distractor in found)))
        context.progress(number, len(given), "references")
    return ReferencesWritten(writer_of(context.domain, role), tuple(records))


def answers_as_passages(domain: Domain) -> Domain:
    """Return the domain with people's answers in place of their passages: a distractor has to look like an answer."""
    answer_of: dict[str, str] = {}
    for one in domain.given:
        answer_of.setdefault(one.passage_id, one.answer)
    return dataclasses.replace(domain, passages=tuple(
        dataclasses.replace(passage, text=answer_of.get(passage.id, passage.text)) for passage in domain.passages))
