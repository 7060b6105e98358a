"""Questions and answers of people, from CSV or JSON lines: read, checked row by row, and laid into a domain."""

from __future__ import annotations

from knowledge.question_sets.checks import FaultyQuestions
from knowledge.question_sets.given_domain import (
    QuestionSets, check_question_sets, open_question_sets, with_question_sets,
)
from knowledge.question_sets.rows import COLUMNS, MOST_ROWS, QuestionRow, RowsRead, columns_of, read_rows

__all__ = ["COLUMNS", "MOST_ROWS", "FaultyQuestions", "QuestionRow", "QuestionSets", "RowsRead",
           "check_question_sets", "columns_of", "open_question_sets", "read_rows", "with_question_sets"]
