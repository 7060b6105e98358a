"""What people ask: launch, cancel, pause, resume, retry. The only writes that the dashboard makes.

Each carries a client token: the same token twice is one command, so a double click launches once.
"""

from __future__ import annotations

import dataclasses
import secrets
from datetime import UTC, datetime

from sqlalchemy import Connection, insert, select, update

from store.clock import utc_now
from store.config import RunConfig, check
from store.database import Store
from store.events import RunCancelled, RunPaused, RunRequested, RunRequeued
from store.journal import append_unowned
from store.schema import claims, commands, runs

ALLOWED = {
    "cancel": ("queued", "running", "paused"),
    "pause": ("queued", "running"),
    "resume": ("paused", "cancelled"),
    "retry": ("failed", "cancelled"),
}
"""For each command the states of work in which it means something."""


class CommandRefused(ValueError):
    """The command makes no sense for this run as it stands; the message says why and what would."""


def new_token() -> str:
    """A token for one intention of one person."""
    return secrets.token_hex(16)


def launch(store: Store, config: RunConfig, requested_by: str, token: str | None = None, priority: int = 0) -> str:
    """Queue a run; returns its id. The same token again returns the same run.

    Raises:
        InvalidConfig: any value that cannot be used; nothing was written.
    """
    check(config)
    with store.write() as connection:
        return launch_within(connection, config, requested_by, token or new_token(), priority)


def launch_within(connection: Connection, config: RunConfig, requested_by: str, token: str, priority: int) -> str:
    """Queue a checked run inside the caller's transaction; returns its id, or that of the run that had this token."""
    known: str | None = connection.execute(select(commands.c.run).where(commands.c.token == token)).scalar()
    if known:
        return known
    run = f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{secrets.token_hex(4)}"
    _record(connection, token, "launch", run)
    connection.execute(insert(claims).values(run=run, fence=0, attempt=0, head_seq=0))
    values = {**dataclasses.asdict(config)}
    append_unowned(connection, run, RunRequested(values, requested_by, priority))
    return run


def command(store: Store, kind: str, run: str, token: str | None = None) -> None:
    """Cancel, pause, resume or retry a run. A run that is being worked on is asked; any other is changed at once.

    Raises:
        CommandRefused: unknown run, or a state in which the command means nothing.
    """
    token = token or new_token()
    with store.write() as connection:
        if connection.execute(select(commands.c.id).where(commands.c.token == token)).scalar():
            return
        work = connection.execute(select(runs.c.work).where(runs.c.id == run)).scalar()
        if work is None:
            raise CommandRefused(f"no run {run!r}: list them with 'python -m runner status'")
        if work not in ALLOWED[kind]:
            raise CommandRefused(f"run {run} is {work}: {kind} works on runs that are {' or '.join(ALLOWED[kind])}")
        _record(connection, token, kind, run)
        _carry_out(connection, kind, run)


def _carry_out(connection: Connection, kind: str, run: str) -> None:
    owned = connection.execute(select(claims.c.owner).where(claims.c.run == run)).scalar() is not None
    if kind in ("cancel", "pause") and owned:
        connection.execute(update(claims).where(claims.c.run == run).values(stop_requested=kind))
    elif kind == "cancel":
        append_unowned(connection, run, RunCancelled("cancelled while no runner worked on it"))
    elif kind == "pause":
        append_unowned(connection, run, RunPaused())
    else:
        connection.execute(update(claims).where(claims.c.run == run).values(stop_requested=None))
        append_unowned(connection, run, RunRequeued("resumed" if kind == "resume" else "retried"))


def _record(connection: Connection, token: str, kind: str, run: str) -> None:
    connection.execute(insert(commands).values(token=token, kind=kind, run=run, at=utc_now()))
