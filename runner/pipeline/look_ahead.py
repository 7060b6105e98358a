"""Make a later stage's calls while the student computes, where everything that the stage reads is there.

Replies are stored before they are used, and nothing else is kept. When the stage's turn comes it finds them, so that
artifacts, the order of events and the bill are those of a run that asked nothing ahead.
"""

from __future__ import annotations

import dataclasses
import logging
import threading
from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor

from runner.pipeline.pipeline import StageRun, inputs_of
from runner.pipeline.resources import RunResources
from runner.pipeline.stage_context import StageContext
from store.event_log.journal import StopRequested
from store.events import Event
from store.run_config import OFFLINE_TEACHER, RunConfig

logger = logging.getLogger(__name__)


def stage_to_ask_ahead(step: StageRun, later: Iterable[StageRun], there: Iterable[tuple[str, int]],
                       finished: Iterable[tuple[str | None, int | None]], config: RunConfig) -> StageRun | None:
    """Return the next stage of the same cycle whose calls can be made during a stage of the student.

    Args:
        step: the stage that is about to run.
        later: the stages after it, in order.
        there, finished: (stage, cycle) whose artifacts are known, and those that need not run again.
    """
    if step.row.doer != "student":
        return None
    known, done = set(there), set(finished)
    return next((one for one in later if one.cycle == step.cycle and one.row.ask
                 and (one.row.stage, one.cycle) not in done and known.issuperset(inputs_of(one, config).values())),
                None)


def can_ask_ahead(config: RunConfig, resources: RunResources) -> bool:
    """Whether the run's teacher waits for an endpoint, and it and the documents are open already."""
    return config.teacher != OFFLINE_TEACHER and not config.from_replies and resources.batches is None and \
        {"teacher", "domain"} <= vars(resources).keys()


class LookAhead:
    """The calls of at most one stage at a time, made in a thread."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, "look-ahead")
        self._asking: Future[object] | None = None
        self._stopped = threading.Event()

    def begin(self, step: StageRun, context: StageContext) -> None:
        """Begin to make a stage's calls; not while those of another one are being made."""
        if self._asking is None and step.row.ask:
            self._asking = self._thread.submit(step.row.ask, dataclasses.replace(context, emit=self._drop))

    def wait(self) -> None:
        """Return when the calls that were begun are answered.

        One that failed is no fault yet: the stage meets it again at its turn, and the recovery table decides.
        """
        if self._asking and (error := self._asking.exception()):
            logger.info("what was asked ahead failed: %s", error)
        self._asking = None

    def close(self) -> None:
        """Stop after the calls that are being made: they are paid for, and their replies are stored."""
        self._stopped.set()
        self.wait()
        self._thread.shutdown()

    def _drop(self, event: Event) -> None:
        if self._stopped.is_set():
            raise StopRequested("look-ahead")
