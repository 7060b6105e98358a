"""Answers of several cycles and control arms to the same questions: one row a question, one column a cycle or arm.

The first column is what the others are marked against. No I/O.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from store.metrics import METRICS
from store.queries import AskedQuestion, ScoredAnswer
from store.queries.answers import NOT_ANSWERED

ALL, DIFFERS, REGRESSED, IMPROVED = "all", "differs", "regressed", "improved"
FILTERS = (ALL, DIFFERS, REGRESSED, IMPROVED)
BETTER, WORSE, SAME, UNKNOWN = "better", "worse", "same", "unknown"
_NOT_ANSWERED = ScoredAnswer(None, NOT_ANSWERED, None)


@dataclass(frozen=True)
class Column:
    """The answers of one cycle or arm, by question."""

    name: str
    given: Mapping[str, ScoredAnswer]


@dataclass(frozen=True)
class Row:
    """One question with an answer from each column; None where that column was not asked it."""

    asked: AskedQuestion
    given: tuple[ScoredAnswer | None, ...]
    marks: tuple[str, ...]
    """Better, worse, same or unknown against the first column; that of the first is empty."""

    @property
    def differs(self) -> bool:
        """Whether any column's answer has another text than the first one's."""
        return any(one and self.given[0] and one.text != self.given[0].text for one in self.given[1:])


def column(name: str, asked: Sequence[AskedQuestion], answers: Mapping[str, ScoredAnswer]) -> Column:
    """One arm's answers; to each question that it was asked, recorded or not."""
    return Column(name, {one.question: _NOT_ANSWERED for one in asked} | dict(answers))


def rows_of(asked: Sequence[AskedQuestion], columns: Sequence[Column], metric: str) -> list[Row]:
    """The questions that at least two columns answered, the largest loss against the first column first.

    Args:
        asked: questions with their references, each once.
    """
    rows = []
    for one in asked:
        given = tuple(column.given.get(one.question) for column in columns)
        if sum(answer is not None for answer in given) > 1:
            rows.append(Row(one, given, ("", *(_mark(given[0], answer, metric) for answer in given[1:]))))
    return sorted(rows, key=lambda row: (_worst(row, metric), not row.differs, row.asked.question))


def matching(rows: Sequence[Row], wanted: str, topics: Sequence[str]) -> list[Row]:
    """The rows of one filter, of these topics only; no topics match all."""
    return [row for row in rows if _matches(row, wanted) and (not topics or row.asked.topic in topics)]


def counts(rows: Sequence[Row]) -> Counter[str]:
    """Number of rows by filter."""
    return Counter(wanted for row in rows for wanted in FILTERS if _matches(row, wanted))


def _matches(row: Row, wanted: str) -> bool:
    if wanted == DIFFERS:
        return row.differs
    return wanted == ALL or {REGRESSED: WORSE, IMPROVED: BETTER}[wanted] in row.marks


def _mark(first: ScoredAnswer | None, other: ScoredAnswer | None, metric: str) -> str:
    gain = _gain(first, other, metric)
    if gain is None:
        return UNKNOWN
    band = METRICS[metric].tie_band if metric in METRICS else 0.0
    return BETTER if gain > band else WORSE if gain < -band else SAME


def _gain(first: ScoredAnswer | None, other: ScoredAnswer | None, metric: str) -> float | None:
    if first is None or other is None or first.score is None or other.score is None:
        return None
    return (other.score - first.score) * (METRICS[metric].better if metric in METRICS else 1)


def _worst(row: Row, metric: str) -> float:
    gains = [gain for one in row.given[1:] if (gain := _gain(row.given[0], one, metric)) is not None]
    return min(gains, default=0.0)
