"""Ask a paid teacher a playground question within the remaining budget; return the answer and its usage.

On failure the answer is empty and carries the reason; the students' answers are not affected.
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
from store.costs.prices import price_fault
from store.database import Store
from store.run_config import RunConfig


def ask_paid_teacher(store: Store, claimed: Claimed, config: RunConfig,
                     open_claimed: Callable[[RunConfig, Claimed], Teacher] | None = None) -> ArmAnswer:
    """Return the teacher's answer with its usage and cost; or why it was not asked, or has no answer.

    The budget is checked here, right before the call, because a page may have been rendered long ago.
    """
    if fault := price_fault():
        return ArmAnswer(TEACHER, finished=True, silent=f"not asked: {fault}")
    refused = playground_budget.budget_refusal(store, claimed.run, config, claimed.question)
    if refused:
        return ArmAnswer(TEACHER, finished=True, silent=f"not asked: {refused}")
    try:
        teacher = open_claimed(config, claimed) if open_claimed else \
            open_teacher(config, claimed.run, store, asked=claimed.id)
        answer = ask.answer_with_teacher(config, claimed.question, teacher)
    except TeacherError as error:
        return ArmAnswer(TEACHER, finished=True, silent=str(error))
    total = teacher.usage()
    usage = Usage(config.teacher, total.calls, total.prompt_tokens, total.completion_tokens, total.cost_usd,
                  total.reasoning_tokens)
    return ArmAnswer(TEACHER, answer.text or "", True, "" if answer.text else answer.missing or "empty answer", usage)
