"""What the likelihoods of given texts say beside choice accuracy: binding, and multiple choice read in other ways."""

from __future__ import annotations

import random
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from knowledge.distractors import FOREIGN
from runner.judge.choice_accuracy import choice_accuracy
from store.events import QuestionRecord

OTHER_QUESTIONS = 3
"""Other questions of the topic that binding compares with, where there are as many."""
NO_OTHER_QUESTION = "the test has no other question of its topic on another passage"
NO_QUESTION = ""
"""The prompt of a text's likelihood without any question: the template with an empty question."""


@dataclass(frozen=True)
class Likelihoods:
    """Mean negative log-likelihoods per token of a question's texts: the reference first, then its distractors."""

    asked: Sequence[float]
    """After the question itself."""
    unasked: Sequence[float]
    """After no question; empty if not computed."""
    after_others: Sequence[float]
    """Of the reference, after other questions of its topic; empty if there is none."""


def other_questions(question: QuestionRecord, test: Sequence[QuestionRecord]) -> list[QuestionRecord]:
    """Return up to three questions of the same tier and topic on other passages; the same for every student."""
    near = [other for other in test if other.tier == question.tier and other.topic == question.topic
            and other.passage_id != question.passage_id]
    return random.Random(f"binding {question.question_id}").sample(near, min(OTHER_QUESTIONS, len(near)))


def binding(found: Likelihoods) -> float | None:
    """Return by how many nats per token the reference is likelier after its own question than after others."""
    return statistics.fmean(found.after_others) - found.asked[0] if found.after_others else None


def choice_pmi(found: Likelihoods) -> float:
    """Return choice accuracy where each text counts by how much the question raises its likelihood."""
    reference, *distractors = (asked - unasked for asked, unasked in zip(found.asked, found.unasked, strict=True))
    return choice_accuracy(reference, distractors)


def choice_prior(found: Likelihoods) -> float:
    """Return choice accuracy of the texts' likelihoods without the question."""
    return choice_accuracy(found.unasked[0], found.unasked[1:])


def choice_unaltered(asked: Sequence[float], rules: Sequence[str]) -> float | None:
    """Return choice accuracy without the altered copy; None unless exactly one distractor is one.

    Args:
        asked: after the question: the reference's, then each distractor's.
        rules: how each distractor was made.
    """
    others = [nll for nll, rule in zip(asked[1:], rules, strict=False) if rule == FOREIGN]
    return choice_accuracy(asked[0], others) if len(others) == len(asked) - 2 else None
