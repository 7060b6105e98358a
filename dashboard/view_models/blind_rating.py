"""Blind rating: which question comes next, which answer stands on the left, and what a click means. Pure.

The order and the sides follow from a hash of person and question: the same after a reload, different for the next
person, and unrelated to any score.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from dashboard.style import labels
from dashboard.view_models.answer_filter import outcome
from store.events import AnswerRated
from store.queries import AnswerPair, Rating
from store.statistics import Agreement, agreement

_DIRECTION = {"better": 1, "same": 0, "worse": -1}
LEFT, SAME, RIGHT = "left", "same", "right"


@dataclass(frozen=True)
class Task:
    """One question with its answers as they are laid out for one person."""

    pair: AnswerPair
    left_arm: str

    @property
    def answers(self) -> tuple[str, str]:
        """The answers from left to right."""
        both = (self.pair.baseline or "", self.pair.tuned or "")
        return both if self.left_arm == "baseline" else both[::-1]


def pending_tasks(pairs: Sequence[AnswerPair], ratings: Sequence[Rating], rater: str) -> tuple[list[Task], int]:
    """What this person has still to rate, in their own order; and how many there are in all."""
    ratable = [pair for pair in pairs if pair.baseline is not None and pair.tuned is not None]
    done = {rating.question for rating in ratings if rating.rater == rater}
    open_ones = sorted((pair for pair in ratable if pair.question not in done),
                       key=lambda pair: _hash(rater, pair))
    return [Task(pair, "tuned" if _hash(rater, pair)[-1] % 2 else "baseline") for pair in open_ones], len(ratable)


def rated_count(task: Task, click: str, rater: str, note: str) -> AnswerRated:
    """What a click on the left answer, the right one or neither says of the tuned answer."""
    tuned_side = LEFT if task.left_arm == "tuned" else RIGHT
    rating = "same" if click == SAME else "better" if click == tuned_side else "worse"
    return AnswerRated(task.pair.question, rating, True, task.left_arm, rater, note.strip())


def summary_sentence(ratings: Sequence[Rating]) -> str:
    """The ratings in a sentence."""
    found = Counter(rating.rating for rating in ratings)
    raters = len({rating.rater for rating in ratings})
    people = "1 person" if raters == 1 else f"{raters} people"
    return (f"Of {labels.count(len(ratings), 'blind rating')} by {people}, the tuned answer was better in "
            f"{found['better']}, worse in {found['worse']} and the same in {found['same']}.")


def agreement_by_metric(pairs: Sequence[AnswerPair], ratings: Sequence[Rating],
                        metrics: Sequence[str]) -> dict[str, Agreement]:
    """For each metric how its better, worse and same agree with what people found."""
    by_question = {pair.question: pair for pair in pairs}
    found = {}
    for metric in metrics:
        directions = [(_DIRECTION[rating.rating], _DIRECTION[said]) for rating in ratings
                      if (pair := by_question.get(rating.question)) and (said := outcome(pair, metric)) in _DIRECTION]
        found[metric] = agreement(directions)
    return found


def _hash(rater: str, pair: AnswerPair) -> bytes:
    return hashlib.sha256(f"{rater}\n{pair.cycle}\n{pair.question}".encode()).digest()
