"""What a paid teacher says to a person's question: only within what questions may still cost, and with its bill.

Whatever keeps it from answering is its own silence, in words; what the students said stands beside it.
"""

from __future__ import annotations

from collections.abc import Callable

from runner.llm.errors import TeacherError
from runner.playground import ask
from runner.protocols import Teacher
from runner.teacher import open_teacher
from store.commands.playground import ArmAnswer, Claimed, Usage
from store.control_arms import TEACHER
from store.costs import playground_budget
from store.database import Store
from store.run_config import RunConfig


def ask_paid_teacher(store: Store, claimed: Claimed, config: RunConfig,
                     opened: Callable[[RunConfig, Claimed], Teacher] | None = None) -> ArmAnswer:
    """Its answer and what it came to; or why it was not asked, or has no answer.

    The limit is looked at here, where the money would be spent: a page may have been drawn long ago.
    """
    refused = playground_budget.budget_refusal(store, claimed.run, config, claimed.question)
    if refused:
        return ArmAnswer(TEACHER, finished=True, silent=f"not asked: {refused}")
    try:
        teacher = opened(config, claimed) if opened else open_teacher(config, claimed.run, store, asked=claimed.id)
        answer = ask.answer_with_teacher(config, claimed.question, teacher)
    except TeacherError as error:
        return ArmAnswer(TEACHER, finished=True, silent=str(error))
    used = teacher.usage()
    bill = Usage(config.teacher, used.calls, used.prompt_tokens, used.completion_tokens, used.cost_usd)
    return ArmAnswer(TEACHER, answer.text or "", True, "" if answer.text else answer.missing or "no words", bill)
