"""Move runs in the queue by their priority: the highest is taken up first."""

from __future__ import annotations

from sqlalchemy import func, select

from store.commands.idempotency import new_token, record_once
from store.commands.runs import CommandRefused
from store.database import Store
from store.event_log.journal import append_without_claim
from store.events import RunPrioritised
from store.permissions import Role, require_permission
from store.program_name import NAME
from store.schema import runs


def prioritise(store: Store, run: str, priority: int | None = None, token: str | None = None,
               role: Role = Role.OPERATOR) -> None:
    """Move a queued or paused run in the queue: to a priority, or (None) to the front.

    Raises:
        PermissionDenied: the role may not move runs.
        CommandRefused: unknown run, or one that is neither queued nor paused.
    """
    require_permission(role, "prioritise")
    with store.write() as connection:
        if not record_once(connection, token or new_token(), "prioritise", run):
            return
        work = connection.execute(select(runs.c.work).where(runs.c.id == run)).scalar()
        if work not in ("queued", "paused"):
            raise CommandRefused(f"run {run} is {work}: only a run that waits can be moved in the queue" if work else
                                 f"no run {run!r}: list them with '{NAME} queue'")
        if priority is None:
            first = connection.execute(select(func.max(runs.c.priority)).where(runs.c.work == "queued",
                                                                               runs.c.id != run)).scalar()
            priority = max(0, (first or 0) + 1)
        append_without_claim(connection, run, RunPrioritised(priority))
