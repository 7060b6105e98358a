"""Recurring runs in the runner: each schedule of the store as a job of the in-memory job store, kept up to date.

A firing asks the store what is due and queues it; what that is, and that it happens once, the store decides.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from runner.service.runner_log import log_event
from store import queries
from store.commands import schedules
from store.database import Store

REFRESH_SECONDS = 2.0
"""How soon a schedule that somebody added or changed is known here."""


@dataclass
class ScheduleJobs:
    """Registers the store's schedules with a scheduler, on an executor of their own."""

    store: Store
    scheduler: Any
    executor: str
    _due: dict[str, datetime] = field(default_factory=dict)

    def refresh(self) -> None:
        """Register what is new or changed, forget what is gone, and see to what came due while nobody looked."""
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
        """Queue what is due."""
        for event in schedules.trigger_due(self.store):
            log_event(event.event_type, **dataclasses.asdict(event))  # type: ignore[call-overload]

    def _forget(self, name: str) -> None:
        del self._due[name]
        if self.scheduler.get_job(_id(name)):
            self.scheduler.remove_job(_id(name))


def _id(name: str) -> str:
    return f"schedule:{name}"
