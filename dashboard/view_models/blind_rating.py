"""Blind A/B rating: order of the questions, sides of the answers, and the rating that a click means. No I/O.

Order and sides are derived from a hash of rater and question: stable across reloads, different between raters, and
unrelated to any score.
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
    """One question with the order of its answers for one rater."""

    pair: AnswerPair
    left_arm: str

    @property
    def answers(self) -> tuple[str, str]:
        """The answers, left one first."""
        both = (self.pair.baseline or "", self.pair.tuned or "")
        return both if self.left_arm == "baseline" else both[::-1]


def pending_tasks(pairs: Sequence[AnswerPair], ratings: Sequence[Rating], rater: str) -> tuple[list[Task], int]:
    """The questions that a rater has still to rate, in the rater's order; and the number of all ratable questions."""
    ratable = [pair for pair in pairs if pair.baseline is not None and pair.tuned is not None]
    done = {rating.question for rating in ratings if rating.rater == rater}
    pending = sorted((pair for pair in ratable if pair.question not in done), key=lambda pair: _hash(rater, pair))
    return [Task(pair, "tuned" if _hash(rater, pair)[-1] % 2 else "baseline") for pair in pending], len(ratable)


def rated_event(task: Task, click: str, rater: str, note: str) -> AnswerRated:
    """The rating of the fine-tuned answer that a click on LEFT, RIGHT or SAME means, as an event."""
    tuned_side = LEFT if task.left_arm == "tuned" else RIGHT
    rating = "same" if click == SAME else "better" if click == tuned_side else "worse"
    return AnswerRated(task.pair.question, rating, True, task.left_arm, rater, note.strip())


def summary_sentence(ratings: Sequence[Rating]) -> str:
    """Summarize the ratings in one sentence."""
    found = Counter(rating.rating for rating in ratings)
    raters = len({rating.rater for rating in ratings})
    people = "1 person" if raters == 1 else f"{raters} people"
    return (f"In {labels.count(len(ratings), 'blind rating')} by {people}, the fine-tuned answer was better in "
            f"{found['better']}, worse in {found['worse']} and tied in {found['same']}.")


def agreement_by_metric(pairs: Sequence[AnswerPair], ratings: Sequence[Rating],
                        metrics: Sequence[str]) -> dict[str, Agreement]:
    """For each metric, the agreement of its better, worse or same with the ratings."""
    by_question = {pair.question: pair for pair in pairs}
    found = {}
    for metric in metrics:
        directions = [(_DIRECTION[rating.rating], _DIRECTION[by_metric]) for rating in ratings
                      if (pair := by_question.get(rating.question))
                      and (by_metric := outcome(pair, metric)) in _DIRECTION]
        found[metric] = agreement(directions)
    return found


def _hash(rater: str, pair: AnswerPair) -> bytes:
    return hashlib.sha256(f"{rater}\n{pair.cycle}\n{pair.question}".encode()).digest()
