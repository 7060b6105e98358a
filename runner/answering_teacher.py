"""What a paid teacher says to a person's question: only within what questions may still cost, and with its bill.

Whatever keeps it from answering is its own silence, in words; what the students said stands beside it.
"""

from __future__ import annotations

from collections.abc import Callable

from runner import asking
from runner.roles import Teacher
from runner.teacher import open_teacher
from runner.teacher.errors import TeacherError
from store import asking_cost
from store.arms import TEACHER
from store.config import RunConfig
from store.database import Store
from store.playground import Bill, Claimed, Said


def teacher_says(store: Store, claimed: Claimed, config: RunConfig,
                 opened: Callable[[RunConfig, Claimed], Teacher] | None = None) -> Said:
    """Its answer and what it came to; or why it was not asked, or has no answer.

    The limit is looked at here, where the money would be spent: a page may have been drawn long ago.
    """
    refused = asking_cost.refusal(store, claimed.run, config, claimed.question)
    if refused:
        return Said(TEACHER, finished=True, silent=f"not asked: {refused}")
    try:
        teacher = opened(config, claimed) if opened else open_teacher(config, claimed.run, store, asked=claimed.id)
        answer = asking.ask_teacher(config, claimed.question, teacher)
    except TeacherError as error:
        return Said(TEACHER, finished=True, silent=str(error))
    used = teacher.usage()
    bill = Bill(config.teacher, used.calls, used.prompt_tokens, used.completion_tokens, used.cost_usd)
    return Said(TEACHER, answer.text or "", True, "" if answer.text else answer.missing or "no words", bill)
