"""Which facts a run teaches in which cycle, so that each can be tested in a wording that is never trained.

The test's questions on taught facts are fixed before anything else is generated. They are dealt to the cycles in order;
each cycle's training questions are about its passages first.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from knowledge.questions import PARAPHRASE
from knowledge.split import side_of
from store.dev_split import DEV
from store.events import QuestionRecord


def passages_by_cycle(test: Sequence[QuestionRecord], cycles: int) -> list[list[str]]:
    """Return the passages of the test's questions on taught facts, dealt to the cycles: one list of ids per cycle."""
    ids = list(dict.fromkeys(record.passage_id for record in test if is_taught(record)))
    bounds = [round(len(ids) * cycle / cycles) for cycle in range(cycles + 1)]
    return [ids[start:end] for start, end in itertools.pairwise(bounds)]


def is_taught(record: QuestionRecord) -> bool:
    """Return whether a question of the test is about a fact that the run teaches."""
    return record.tier == PARAPHRASE or (record.tier == DEV and side_of(record.passage_id) == "practice")
