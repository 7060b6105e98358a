"""Keep one scheduler job per schedule in the store, and queue runs when they are due.

A job only triggers the check; the store decides what is due, and that each due time is queued once.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from runner.service.runner_log import log_event
from store import queries
from store.commands import schedules
from store.costs.model_shutdowns import shutdown_errors
from store.costs.prices import InvalidPrices
from store.database import Store
from store.run_config import RunConfig

REFRESH_SECONDS = 2.0
"""How often schedules are read again from the store, to notice added and changed ones."""


@dataclass
class ScheduleJobs:
    """Registers the store's schedules with a scheduler, on their own executor."""

    store: Store
    scheduler: Any
    executor: str
    _due: dict[str, datetime] = field(default_factory=dict)

    def refresh(self) -> None:
        """Add jobs for new and changed schedules, remove jobs of deleted ones, and queue what became due meanwhile."""
        self.fire()
        wanted = {s.name: s.next_due_at for s in queries.schedules(self.store) if s.next_due_at}
        for name in self._due.keys() - wanted.keys():
            self._forget(name)
        for name, due in wanted.items():
            if self._due.get(name) != due:
                self.scheduler.add_job(self.fire, "date", run_date=due, timezone=UTC, id=_id(name), name=name,
                                       executor=self.executor, replace_existing=True)
                self._due[name] = due

    def fire(self) -> None:
        """Queue the runs that are due."""
        for event in schedules.trigger_due(self.store, launch_errors=launch_errors):
            log_event(event.event_type, **dataclasses.asdict(event))  # type: ignore[call-overload]

    def _forget(self, name: str) -> None:
        del self._due[name]
        if self.scheduler.get_job(_id(name)):
            self.scheduler.remove_job(_id(name))


def launch_errors(config: RunConfig) -> list[str]:
    """Why a scheduled run would fail for certain: its teacher or judge is shut down, or that cannot be told."""
    try:
        return shutdown_errors(config)
    except InvalidPrices as error:
        return [str(error)]


def _id(name: str) -> str:
    return f"schedule:{name}"
