"""The teacher: asks questions about passages and writes reference answers.

Importing this package costs nothing: the OpenAI library is loaded when a chat teacher is opened.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from store.config import OFFLINE_TEACHER, RunConfig

if TYPE_CHECKING:
    from runner.protocols import Teacher
    from store.database import Store

OnWait = Callable[[float, Exception], None]
"""Told before every wait: for how many seconds, and which error. Called from worker threads; may raise to give up."""


def open_teacher(config: RunConfig, run: str, store: Store | None, on_wait: OnWait | None = None,
                 sleep: Callable[[float], None] | None = None, asked: int | None = None) -> Teacher:
    """The teacher that a configuration asks for.

    Args:
        run: whose calls these are, in the receipts.
        store: where replies are recorded before they are used; None records nothing, and may pay twice.
        sleep: how a wait is spent; may raise to give up. Called from worker threads.
        asked: the number of a person's question whose calls these are, and not the run's.

    Raises:
        MissingKey: a model at the OpenAI API, and no key in the environment or in `.env`.
    """
    if config.teacher == OFFLINE_TEACHER:
        from runner.teacher.offline_teacher import OfflineTeacher

        return OfflineTeacher()
    from runner.teacher.factory import open_llm_teacher  # late: imports openai
    from runner.llm.retry import Clock

    return open_llm_teacher(config, run, store, on_wait, time=Clock(sleep=sleep) if sleep else None,
                            asked=asked)
