"""Queue of verifications: people name an export on a page, and a runner's process lets it answer the locked test.

What it finds is an event of the run; here stands only what waits, how far it is, and why it failed.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, insert, select

from store.commands.claimed_queue import WAITING, ClaimedQueue
from store.commands.runs import CommandRefused
from store.database import Store
from store.endpoint_address import address_errors
from store.permissions import Role, require_permission
from store.program_name import NAME
from store.schema import cycles, runs, verifications
from store.timestamps import utc_now

MAX_WAITING = 20
MAX_STORED = 300
"""Only this many of the newest requests are stored."""
MAX_ARTEFACT_LENGTH = 1000
BY_TRANSFORMERS, BY_LLAMA_CPP = "transformers", "llama.cpp"
ENGINES = (BY_TRANSFORMERS, BY_LLAMA_CPP)
"""What answers for a GGUF file; of other exports the form decides."""
QUEUE = ClaimedQueue(verifications, "progress")


@dataclass(frozen=True)
class Artefact:
    """What is to be verified."""

    name: str
    """A folder or GGUF file on the runner's machine, or the base URL of a server."""
    engine: str = BY_TRANSFORMERS
    model: str = ""
    """Name of the model at that server; empty where it has only one."""

    @property
    def is_server(self) -> bool:
        return "://" in self.name


@dataclass(frozen=True)
class ClaimedVerification:
    """A request claimed by one process."""

    id: int
    attempt: int
    run: str
    cycle: int
    artefact: Artefact


def request(store: Store, run: str, cycle: int, artefact: Artefact, requested_by: str, token: str,
            role: Role = Role.OPERATOR) -> int:
    """Queue a verification; return its id. Repeating a token returns the same one.

    Raises:
        PermissionDenied: the role may not verify.
        CommandRefused: no usable name, no such run, no adapter of that cycle, queue full.
    """
    require_permission(role, "verify")
    name = artefact.name.strip()
    _check_name(name, artefact)
    with store.write() as connection:
        known: int | None = connection.execute(
            select(verifications.c.id).where(verifications.c.token == token)).scalar()
        if known is not None:
            return known
        _check_run(connection, run, cycle)
        number = int(connection.execute(insert(verifications).values(
            token=token, run=run, cycle=cycle, artefact=name, engine=artefact.engine, model=artefact.model.strip(),
            requested_by=requested_by, requested_at=utc_now(), state=WAITING, attempts=0).returning(
                verifications.c.id)).scalar_one())
        QUEUE.prune(connection, number - MAX_STORED)
    return number


def claim_next(store: Store, owner: str) -> ClaimedVerification | None:
    """Claim the request that has waited longest; None if none is waiting."""
    row = QUEUE.claim_next(store, owner)
    return row and ClaimedVerification(row.id, row.attempts, row.run, row.cycle,
                                       Artefact(row.artefact, row.engine, row.model))


def _check_name(name: str, artefact: Artefact) -> None:
    if not 0 < len(name) <= MAX_ARTEFACT_LENGTH or not name.isprintable():
        raise CommandRefused(f"a folder or address has 1 to {MAX_ARTEFACT_LENGTH} printable characters")
    if artefact.engine not in ENGINES:
        raise CommandRefused(f"unknown engine {artefact.engine!r}: use {' or '.join(ENGINES)}")
    if artefact.is_server and (errors := address_errors("the server's address", name)):
        raise CommandRefused(errors[0])
    if artefact.is_server and artefact.engine != BY_TRANSFORMERS:
        raise CommandRefused("an engine is for files: a server answers by itself")
    if artefact.model.strip() and not artefact.is_server:
        raise CommandRefused("a model's name is for servers: a folder has one model")


def _check_run(connection: Connection, run: str, cycle: int) -> None:
    if connection.execute(select(runs.c.id).where(runs.c.id == run)).scalar() is None:
        raise CommandRefused(f"no run {run!r}: list them with '{NAME} status'")
    if not connection.execute(select(cycles.c.adapter).where(cycles.c.run == run, cycles.c.cycle == cycle)).scalar():
        raise CommandRefused(f"run {run} has no adapter of cycle {cycle}: nothing of it can have been exported")
    if (waiting := QUEUE.waiting(connection)) >= MAX_WAITING:
        raise CommandRefused(f"{waiting} verifications wait already: ask again when some of them are done")
