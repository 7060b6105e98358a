"""Query the tuned students' scores on the held-out test with the judge of each, for pairing between runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from sqlalchemy import and_, select

from store import schema
from store.control_arms import TUNED
from store.database import Store


class TestQuestion(NamedTuple):
    """What two tests must have in common of a question to be paired, and the cluster that it is counted in."""

    passage_id: str
    reference: str | None
    """The reference followed by its distractors: the same question with another reference is another test."""


@dataclass(frozen=True)
class TestScores:
    """The scores of one cycle's tuned student on the held-out test."""

    questions: Mapping[str, TestQuestion]
    """All questions of the run's test, by id, whether they were scored or not."""
    by_judge: Mapping[str, Mapping[str, Mapping[str, float | None]]]
    """Metric -> judge -> question -> score; the judge of the first question first."""

    @property
    def scored(self) -> frozenset[str]:
        """The questions with any score on record, or with the reason why it is missing."""
        return frozenset().union(*(scores for judges in self.by_judge.values() for scores in judges.values()))


def test_scores(store: Store, run: str, cycles: Sequence[int]) -> dict[int, TestScores]:
    """Return the scores of a run's tuned students by cycle; the questions are read once for all cycles."""
    scores, questions = schema.scores, schema.questions
    of_test = and_(questions.c.run == run, questions.c.cycle == 0, questions.c.tier == "held-out")
    found: dict[int, dict[str, dict[str, dict[str, float | None]]]] = {cycle: {} for cycle in cycles}
    with store.read() as connection:
        asked = connection.execute(select(questions.c.question, questions.c.passage_id, questions.c.reference,
                                          questions.c.foils).where(of_test)).all()
        for cycle, of_cycle in found.items():
            for question, metric, judge, value in connection.execute(
                    select(scores.c.question, scores.c.metric, scores.c.judge, scores.c.value)
                    .where(scores.c.run == run, scores.c.cycle == cycle, scores.c.arm == TUNED,
                           scores.c.question.in_(select(questions.c.question).where(of_test)))
                    .order_by(scores.c.question, scores.c.metric, scores.c.judge)).all():
                judges = of_cycle.get(metric)
                if judges is None:
                    judges = of_cycle[metric] = {}
                if judge not in judges:
                    judges[judge] = {}
                judges[judge][question] = value
    known = {question: TestQuestion(passage_id, None if reference is None else f"{reference}\n{foils}")
             for question, passage_id, reference, foils in asked}
    return {cycle: TestScores(known, of_cycle) for cycle, of_cycle in found.items()}
