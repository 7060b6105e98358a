"""The sets of a run as people approved them, in place of what the teacher would be asked for."""

from __future__ import annotations

import dataclasses
from collections import Counter

from knowledge.given_questions import ANSWER_ALONE
from knowledge.key_terms import key_terms
from knowledge.passages import Passage
from knowledge.question_sets.given_domain import SHORT_ANSWER_WORDS
from knowledge.languages import word_count
from runner.pipeline.stage_context import StageContext
from store.events import Event, ItemsApproved, QuestionsAsked, ReferencesWritten


def approved_set(context: StageContext, part: str, cycle: int) -> list[Event]:
    """Return the questions and references of a set that people approved; empty in a run without a review."""
    if "review" not in context.inputs:
        return []
    found = _found(context, part, cycle)
    return [QuestionsAsked(found.teacher, found.questions, found.wanted, found.set_hash),
            ReferencesWritten(found.reference_writer, found.references)]


def edited_questions(context: StageContext, part: str, cycle: int) -> frozenset[str]:
    """Return the ids of a set's questions that people edited, or whose references they edited."""
    if "review" not in context.inputs:
        return frozenset()
    return frozenset(one.question_id for one in _found(context, part, cycle).edited)


def _found(context: StageContext, part: str, cycle: int) -> ItemsApproved:
    return next(event for event in context.inputs["review"].events
                if isinstance(event, ItemsApproved) and (event.part, event.of_cycle) == (part, cycle))


def edited_passage(passage: Passage, question: str, answer: str) -> Passage:
    """Return what an edited question is studied from: its answer alone, because the passage may say otherwise."""
    return dataclasses.replace(passage, source=ANSWER_ALONE, text=answer, questions=(question,), test_questions=(),
                               key_terms=edited_key_terms(passage.key_terms, question, answer))


def edited_key_terms(terms: tuple[str, ...], question: str, answer: str) -> tuple[str, ...]:
    """Return the words that a right answer must contain after an edit: those of before that the answer has, or its
    own."""
    kept = tuple(term for term in terms if term.casefold() in answer.casefold()
                 and term.casefold() not in question.casefold())
    if kept or word_count(answer) > SHORT_ANSWER_WORDS:
        return kept or key_terms(answer, question, Counter())
    short = answer.strip(" .")
    return (short,) if short and short.casefold() not in question.casefold() else ()
