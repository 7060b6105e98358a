"""Which facts a run teaches in which cycle, so that each can be tested in a wording that is never trained.

The test's questions on taught facts are fixed before anything else is generated. They are dealt to the cycles in order;
each cycle's training questions are about its passages first.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from knowledge.questions import PARAPHRASE
from store.events import QuestionRecord


def passages_by_cycle(test: Sequence[QuestionRecord], cycles: int) -> list[list[str]]:
    """Return the passages of the test's questions on taught facts, dealt to the cycles: one list of ids per cycle."""
    ids = list(dict.fromkeys(record.passage_id for record in test if record.tier == PARAPHRASE))
    bounds = [round(len(ids) * cycle / cycles) for cycle in range(cycles + 1)]
    return [ids[start:end] for start, end in itertools.pairwise(bounds)]
