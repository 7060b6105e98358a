"""The teacher: asks questions about passages and writes reference answers.

Importing this package is cheap: the OpenAI library is imported when a chat teacher is opened.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from store.run_config import OFFLINE_TEACHER, RunConfig

if TYPE_CHECKING:
    from runner.llm.batch_queue import BatchQueue
    from runner.llm.capabilities import OnRefused
    from runner.protocols import Teacher
    from store.database import Store

OnWait = Callable[[float, Exception], None]
"""Called before every wait with its seconds and the error, from worker threads; may raise to give up."""


def open_teacher(config: RunConfig, run: str, store: Store | None, on_wait: OnWait | None = None,
                 sleep: Callable[[float], None] | None = None, asked: int | None = None,
                 on_refused: OnRefused | None = None, batches: BatchQueue | None = None,
                 comparing: bool = False) -> Teacher:
    """The teacher that a configuration names.

    Args:
        run: the run that calls are recorded for.
        store: where replies are stored before they are used; None stores nothing, and may pay twice.
        sleep: replaces `time.sleep` in waits; may raise to give up. Called from worker threads.
        asked: the number of a playground question that calls are recorded for, instead of the run.
        on_refused: called once for each option that the endpoint is found to refuse, from worker threads.
        batches: where calls are collected, to be sent together; None makes each call at once.
        comparing: the run's own teacher is compared with this one; its calls are no part of the run's cost.

    Raises:
        MissingKey: a model at the OpenAI API, and no key in the environment or in `.env`.
    """
    if config.teacher == OFFLINE_TEACHER:
        from runner.teacher.offline_teacher import OfflineTeacher

        return OfflineTeacher()
    from runner.teacher.factory import open_llm_teacher  # late: imports openai
    from runner.llm.retry import Clock

    return open_llm_teacher(config, run, store, on_wait, time=Clock(sleep=sleep) if sleep else None,
                            asked=asked, on_refused=on_refused, batches=batches, comparing=comparing)
