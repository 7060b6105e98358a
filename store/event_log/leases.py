"""Who may work on which run: claims with a fence that only rises, leases that end by themselves, heartbeats.

Expiry is computed when it is read: a dead runner never shows as a running one.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable

from sqlalchemy import Connection, func, or_, select, update

from store.database import Store
from store.event_log.journal import Claim, append_without_claim
from store.event_log.lease_expiry import LEASE_SECONDS, free_now, held_now
from store.events import RunRequeued
from store.projections.row_updates import upsert
from store.schema import claims, runners, runs
from store.timestamps import utc_now

HEARTBEAT_SECONDS = 2.0
"""How often a runner says that it is there."""
MISSED_HEARTBEATS = 5


def owner_name() -> str:
    """This process as an owner: its device, process id, and a moment that tells it from a later one of the same id.

    The device is the host, with the GPUs where this process was given some of them alone: two runners with a GPU each
    do not wait for one another.
    """
    visible = os.environ.get("CUDA_VISIBLE_DEVICES", "")
    device = socket.gethostname() + (f"/gpu {visible}" if visible else "")
    return f"{device}:{os.getpid()}:{time.time_ns()}"


def owner_device(owner: str) -> str:
    """What an owner computes on: its host, and its GPUs where it was given some of them alone."""
    return owner.rsplit(":", 2)[0]


def claim_next(store: Store, owner: str, run: str | None = None, one_a_device: bool = False) -> Claim | None:
    """Take the first waiting run (by priority, then age), or a running one whose lease is over; None if there is none.

    `run` narrows the choice to one run; with `one_a_device` there is none while another claim is alive on the owner's
    device. The claim is written in the same transaction that found it.
    """
    statement = (select(runs.c.id).join(claims, claims.c.run == runs.c.id)
                 .where(or_(runs.c.work == "queued", runs.c.work == "running"), free_now())
                 .order_by(runs.c.priority.desc(), runs.c.requested_at, runs.c.id).limit(1))
    if run:
        statement = statement.where(runs.c.id == run)
    with store.read() as connection:  # a look around with nothing to find takes no lock
        if connection.execute(statement).scalar() is None:
            return None
    if not store.is_sqlite:
        statement = statement.with_for_update(skip_locked=True)
    with store.write() as connection:
        if one_a_device:
            _serialize_per_device(connection, owner_device(owner))
            if _is_busy(connection, owner_device(owner)):
                return None
        found = connection.execute(statement).scalar()
        return _claim(connection, found, owner) if found else None


def _serialize_per_device(connection: Connection, device: str) -> None:
    """Runners of one device look for a run one after the other: two that look at once would find it idle both.

    SQLite has one writer at a time anyway; PostgreSQL keeps this lock until the transaction's end.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(device, 0))))


def _is_busy(connection: Connection, device: str) -> bool:
    held = connection.execute(select(claims.c.owner).where(held_now(), claims.c.owner.is_not(None))).scalars()
    return any(owner_device(owner) == device for owner in held)


def is_busy(store: Store, device: str) -> bool:
    """Whether some runner works on a run on this device now."""
    with store.read() as connection:
        return _is_busy(connection, device)


def claim_finished_run(store: Store, owner: str, run: str) -> Claim | None:
    """Take a run that has ended or is put aside, to add to its record; its work and its attempts stay as they are.

    None while somebody holds it, and for a run that waits or is at work.
    """
    at_rest = select(runs.c.id).where(runs.c.id == run, runs.c.work.not_in(("queued", "running")))
    free = or_(claims.c.expires_at.is_(None), claims.c.expires_at < time.time())
    with store.write() as connection:
        row = connection.execute(
            update(claims).where(claims.c.run.in_(at_rest), free)
            .values(owner=owner, fence=claims.c.fence + 1, expires_at=time.time() + LEASE_SECONDS)
            .returning(claims.c.fence, claims.c.attempt)).one_or_none()
    return Claim(run=run, owner=owner, fence=row.fence, attempt=row.attempt) if row else None


def _claim(connection: Connection, run: str, owner: str) -> Claim:
    row = connection.execute(
        update(claims).where(claims.c.run == run)
        .values(owner=owner, fence=claims.c.fence + 1, attempt=claims.c.attempt + 1,
                expires_at=time.time() + LEASE_SECONDS)
        .returning(claims.c.fence, claims.c.attempt)).one()
    return Claim(run=run, owner=owner, fence=row.fence, attempt=row.attempt)


def renew(store: Store, claim: Claim) -> bool:
    """Lengthen the lease; False when the claim is no longer ours."""
    with store.write() as connection:
        result = connection.execute(
            update(claims).where(claims.c.run == claim.run, claims.c.owner == claim.owner,
                                 claims.c.fence == claim.fence)
            .values(expires_at=time.time() + LEASE_SECONDS))
        return result.rowcount == 1


def release(store: Store, claim: Claim, requeue_reason: str | None = None) -> None:
    """Give the claim back; with a reason, a run that is still at work waits for a runner again.

    A run that has ended stays as it ended, whatever the reason. Does nothing if the claim is not ours.
    """
    with store.write() as connection:
        result = connection.execute(
            update(claims).where(claims.c.run == claim.run, claims.c.owner == claim.owner,
                                 claims.c.fence == claim.fence)
            .values(owner=None, expires_at=None, stop_requested=None))
        work = connection.execute(select(runs.c.work).where(runs.c.id == claim.run)).scalar()
        if result.rowcount == 1 and requeue_reason and work == "running":
            append_without_claim(connection, claim.run, RunRequeued(requeue_reason))


def release_dead_claims(store: Store, is_dead: Callable[[str], bool]) -> list[str]:
    """Free every claim whose owner `is_dead(owner)`; their runs can be taken at once. Returns the runs."""
    with store.read() as connection:
        held = connection.execute(select(claims.c.run, claims.c.owner).where(claims.c.owner.is_not(None))).all()
    dead = [row for row in held if is_dead(row.owner)]
    if not dead:
        return []
    with store.write() as connection:
        return [row.run for row in dead if connection.execute(
            update(claims).where(claims.c.run == row.run, claims.c.owner == row.owner)
            .values(owner=None, expires_at=None)).rowcount == 1]


def record_heartbeat(store: Store, owner: str, started_at: str, stopped: bool = False) -> None:
    """Say that this runner is there, and by when the next beat is promised."""
    now = time.time()
    _, pid, _ = owner.rsplit(":", 2)
    row = {"owner": owner, "host": owner_device(owner), "pid": int(pid), "started_at": started_at, "beat_at": now,
           "next_beat_by": now + HEARTBEAT_SECONDS * MISSED_HEARTBEATS, "stopped": stopped}
    with store.write() as connection:
        upsert(connection, runners, [row])


def register_runner(store: Store, owner: str) -> str:
    """The first beat; returns the start time that the later ones repeat."""
    started_at = utc_now()
    record_heartbeat(store, owner, started_at)
    return started_at
