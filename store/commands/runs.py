"""Launch, cancel, pause, resume and retry runs.

Each command carries a client token and is executed once per token, so a double click launches one run.
"""

from __future__ import annotations

import dataclasses
import secrets
from datetime import UTC, datetime

from sqlalchemy import Connection, insert, select, update

from store.commands.idempotency import new_token, record_once, record_token, run_of_token
from store.database import Store
from store.event_log.journal import append_without_claim
from store.event_log.lease_expiry import held_now
from store.events import RunCancelled, RunPaused, RunRequested, RunRequeued
from store.permissions import Role, require_permission
from store.program_name import NAME
from store.run_config import RunConfig
from store.config_checks import check
from store.schema import claims, runs

TRANSITIONS = {
    "cancel": ("queued", "running", "paused", "waiting-for-batch", "waiting-for-review"),
    "pause": ("queued", "running", "waiting-for-batch"),
    "resume": ("paused", "cancelled"),
    "retry": ("failed", "cancelled"),
}
"""For each command, the run states in which it is allowed."""


class CommandRefused(ValueError):
    """The command is not possible in the run's current state; the message gives the reason and the alternative."""


def launch_run(store: Store, config: RunConfig, requested_by: str, token: str | None = None, priority: int = 0,
               role: Role = Role.OPERATOR) -> str:
    """Queue a run; return its id. Repeating a token returns the same run.

    Raises:
        PermissionDenied: the role may not launch.
        InvalidConfig: any invalid value; nothing was written.
    """
    require_permission(role, "launch")
    check(config)
    with store.write() as connection:
        return launch_in_transaction(connection, config, requested_by, token or new_token(), priority)


def launch_in_transaction(connection: Connection, config: RunConfig, requested_by: str, token: str,
                          priority: int, group: str = "") -> str:
    """Queue a run with a valid configuration inside the caller's transaction; return its id, the same for a token."""
    if known := run_of_token(connection, token):
        return known
    run = f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{secrets.token_hex(4)}"
    record_token(connection, token, "launch", run)
    connection.execute(insert(claims).values(run=run, fence=0, attempt=0))
    append_without_claim(connection, run, RunRequested(dataclasses.asdict(config), requested_by, priority, group))
    return run


def change_run_state(store: Store, kind: str, run: str, token: str | None = None, role: Role = Role.OPERATOR) -> None:
    """Cancel, pause, resume or retry a run. A run held by a runner gets a stop request; any other changes at once.

    Raises:
        PermissionDenied: the role may not do this.
        CommandRefused: unknown run, or a state in which the command is not allowed.
    """
    require_permission(role, kind)
    with store.write() as connection:
        if not record_once(connection, token or new_token(), kind, run):
            return
        work = connection.execute(select(runs.c.work).where(runs.c.id == run)).scalar()
        if work is None:
            raise CommandRefused(f"no run {run!r}: list them with '{NAME} status'")
        if work not in TRANSITIONS[kind]:
            raise CommandRefused(f"run {run} is {work}: {kind} works on runs that are {' or '.join(TRANSITIONS[kind])}")
        change_state_in_transaction(connection, kind, run)


def change_state_in_transaction(connection: Connection, kind: str, run: str) -> None:
    """Change the state of a run that may be changed so, inside the caller's transaction."""
    held = connection.execute(select(claims.c.run).where(
        claims.c.run == run, claims.c.owner.is_not(None), held_now())).scalar() is not None
    if kind in ("cancel", "pause") and held:
        connection.execute(update(claims).where(claims.c.run == run).values(stop_requested=kind))
        return
    # No runner holds it; raise the fence, so that an owner suspended past its lease cannot write when it wakes.
    connection.execute(update(claims).where(claims.c.run == run, claims.c.owner.is_not(None))
                       .values(owner=None, expires_at=None, fence=claims.c.fence + 1))
    if kind == "cancel":
        append_without_claim(connection, run, RunCancelled("cancelled while no runner worked on it"))
    elif kind == "pause":
        append_without_claim(connection, run, RunPaused())
    else:
        connection.execute(update(claims).where(claims.c.run == run).values(stop_requested=None))
        append_without_claim(connection, run, RunRequeued("resumed" if kind == "resume" else "retried"))
