"""A run that waits for its review, with drafts in the store and no models."""

from __future__ import annotations

import dataclasses

from knowledge.questions import question_id
from store import commands
from store.database import Store
from store.event_log.event_rows import append_without_claim
from store.events import (
    ItemsApproved, ItemsDrafted, QuestionRecord, QuestionsAsked, ReferenceRecord, ReferencesWritten, RejectedRecord,
    RunWaitingForReview,
)
from store.run_config import RunConfig

TEACHER = "gpt-4o-mini"
TOPICS = ("pumps", "valves", "boilers")


def record(number: int, tier: str = "practice") -> QuestionRecord:
    text = f"Which pressure does {tier} unit number {number} hold in winter?"
    return QuestionRecord(question_id(text), tier, TOPICS[number % 3], text, f"passage-{tier}-{number}", "Plant",
                          f"Unit {number} ({tier}) holds {number} bar in winter.", "plant.md", f"holds {number} bar",
                          (f"{number} bar",))


def reference(question: QuestionRecord) -> ReferenceRecord:
    return ReferenceRecord(question.question_id, question.passage, None, question.evidence, ("False.",) * 3,
                           ("rule",) * 3)


def drafted(part: str, numbers: range, teacher: str = TEACHER, round: int = 1, sealed: bool = False) -> ItemsDrafted:
    questions = tuple(record(number, "practice" if part == "train" else "held-out") for number in numbers)
    rejected = (RejectedRecord("Say it.", "pumps", questions[0].tier, questions[0].passage_id, "no question"),)
    return ItemsDrafted(part, 1 if part == "train" else 0, round, teacher, teacher, questions,
                        tuple(map(reference, questions)), rejected, len(questions), "hash", sealed)


def waiting_run(store: Store, train: int = 6, test: int = 4, **changes: object) -> str:
    """Queue a run and let it wait for its review.

    Args:
        store: the store.
        train, test: number of drafts of each set.
        changes: fields of the drafts.
    """
    run = commands.launch_run(store, RunConfig(), "test")
    with store.write() as connection:
        for part, count in (("test", test), ("train", train)):
            append_without_claim(connection, run, dataclasses.replace(drafted(part, range(count)), **changes),
                                 cycle=0, stage="drafts")
        append_without_claim(connection, run, RunWaitingForReview(train + test, 1))
    return run


def approve(store: Store, run: str, questions: tuple[QuestionRecord, ...], part: str = "train") -> None:
    """Record a set as the review left it."""
    with store.write() as connection:
        append_without_claim(connection, run, ItemsApproved(
            part, 1 if part == "train" else 0, TEACHER, TEACHER, questions, tuple(map(reference, questions)),
            len(questions), "hash", (), ()), cycle=0, stage="review")


def asked_run(store: Store, train: int = 4, test: int = 3) -> str:
    """Queue a run without a review whose questions are written."""
    run = commands.launch_run(store, RunConfig(), "test")
    with store.write() as connection:
        for stage, cycle, numbers, tier in (("held-out", 0, range(test), "held-out"),
                                            ("questions", 1, range(train), "practice")):
            questions = tuple(record(number, tier) for number in numbers)
            append_without_claim(connection, run, QuestionsAsked(TEACHER, questions, len(questions), "hash"),
                                 cycle=cycle, stage=stage)
            append_without_claim(connection, run, ReferencesWritten(TEACHER, tuple(map(reference, questions))),
                                 cycle=cycle, stage="references" if cycle else stage)
    return run
