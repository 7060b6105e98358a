"""Run claims with monotonic fencing tokens, and leases that expire unless renewed.

Expiry is computed on every read (`lease_expiry`), so an exited runner never shows as a running one.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable, Collection

from sqlalchemy import Connection, func, or_, select, update

from store.database import Store
from store.event_log.journal import Claim, append_without_claim
from store.event_log.lease_expiry import LEASE_SECONDS, free_now, held_now
from store.events import RunCancelled, RunPaused, RunRequeued
from store.schema import claims, runs



def owner_name() -> str:
    """Name this process as `device:pid:start time`; the start time distinguishes a later process with the same pid.

    The device is the host, plus the value of CUDA_VISIBLE_DEVICES if set: two runners with a GPU each do not wait for
    one another.
    """
    visible = os.environ.get("CUDA_VISIBLE_DEVICES", "")
    device = socket.gethostname() + (f"/gpu {visible}" if visible else "")
    return f"{device}:{os.getpid()}:{time.time_ns()}"


def owner_device(owner: str) -> str:
    """Return the device part of an owner's name: its host, and its GPUs where it was restricted to some."""
    return owner.rsplit(":", 2)[0]


def claim_next(store: Store, owner: str, run: str | None = None, one_a_device: bool = False,
               at_once: int = 1, without: Collection[str] = ()) -> Claim | None:
    """Claim the first queued run (by priority, then age) or a running one whose lease expired; None if there is none.

    `run` restricts the choice to one run, and `without` leaves runs out. With `one_a_device`, returns None while
    another owner holds a valid claim on the owner's device, or this one holds `at_once`. The claim is written in the
    transaction that found the run.
    """
    statement = (select(runs.c.id).join(claims, claims.c.run == runs.c.id)
                 .where(or_(runs.c.work == "queued", runs.c.work == "running"), free_now())
                 .order_by(runs.c.priority.desc(), runs.c.requested_at, runs.c.id).limit(1))
    if run:
        statement = statement.where(runs.c.id == run)
    if without:
        statement = statement.where(runs.c.id.not_in(without))
    with store.read() as connection:  # polling an empty queue takes no write lock
        if connection.execute(statement).scalar() is None:
            return None
    if not store.is_sqlite:
        statement = statement.with_for_update(skip_locked=True)
    with store.write() as connection:
        if one_a_device:
            _serialize_per_device(connection, owner_device(owner))
            held = _claims_on(connection, owner_device(owner))
            if len(held) >= at_once or any(other != owner for other in held):
                return None
        found = connection.execute(statement).scalar()
        return _claim(connection, found, owner) if found else None


def _serialize_per_device(connection: Connection, device: str) -> None:
    """Let runners of one device claim one after the other: two at once would both find the device idle.

    SQLite has one writer at a time anyway; PostgreSQL holds this advisory lock until the transaction ends.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(device, 0))))


def _claims_on(connection: Connection, device: str) -> list[str]:
    """Return the owner of each valid claim on a device."""
    held = connection.execute(select(claims.c.owner).where(held_now(), claims.c.owner.is_not(None))).scalars()
    return [owner for owner in held if owner_device(owner) == device]


def is_busy(store: Store, device: str) -> bool:
    """Whether a runner holds a valid claim on this device now."""
    with store.read() as connection:
        return bool(_claims_on(connection, device))


def claim_finished_run(store: Store, owner: str, run: str) -> Claim | None:
    """Claim a run that has ended or is paused, to append to its record; its state and attempt count stay unchanged.

    Returns None while another process holds the claim, and for a queued or running run.
    """
    at_rest = select(runs.c.id).where(runs.c.id == run, runs.c.work.not_in(("queued", "running", "waiting-for-batch")))
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
                expires_at=time.time() + LEASE_SECONDS, waits_for=None)
        .returning(claims.c.fence, claims.c.attempt)).one()
    return Claim(run=run, owner=owner, fence=row.fence, attempt=row.attempt)


def renew(store: Store, claim: Claim) -> bool:
    """Extend the lease; False if this claim is no longer the one in the store."""
    with store.write() as connection:
        result = connection.execute(
            update(claims).where(claims.c.run == claim.run, claims.c.owner == claim.owner,
                                 claims.c.fence == claim.fence)
            .values(expires_at=time.time() + LEASE_SECONDS))
        return result.rowcount == 1


def release(store: Store, claim: Claim, requeue_reason: str | None = None) -> None:
    """Release the claim; with `requeue_reason`, queue the run again if it is still running.

    A run that has ended stays ended, whatever the reason; one that waits for a batch obeys a stop request now. Does
    nothing if this claim is no longer the one in the store.
    """
    with store.write() as connection:
        ours = (claims.c.run == claim.run, claims.c.owner == claim.owner, claims.c.fence == claim.fence)
        stop = connection.execute(select(claims.c.stop_requested).where(*ours).with_for_update()).scalar()
        result = connection.execute(update(claims).where(*ours)
                                    .values(owner=None, expires_at=None, stop_requested=None, waits_for=None))
        work = connection.execute(select(runs.c.work).where(runs.c.id == claim.run)).scalar()
        if result.rowcount == 1 and requeue_reason and work == "running":
            append_without_claim(connection, claim.run, RunRequeued(requeue_reason))
        if stop and work == "waiting-for-batch":  # asked for after the worker had stopped by itself
            append_without_claim(connection, claim.run, RunCancelled() if stop == "cancel" else RunPaused())


def release_dead_claims(store: Store, is_dead: Callable[[str], bool]) -> list[str]:
    """Release the claims of owners for which `is_dead(owner)`; return their runs, which can be claimed at once."""
    with store.read() as connection:
        held = connection.execute(select(claims.c.run, claims.c.owner).where(claims.c.owner.is_not(None))).all()
    dead = [row for row in held if is_dead(row.owner)]
    if not dead:
        return []
    with store.write() as connection:
        return [row.run for row in dead if connection.execute(
            update(claims).where(claims.c.run == row.run, claims.c.owner == row.owner)
            .values(owner=None, expires_at=None)).rowcount == 1]
