"""Idempotency of commands: each carries a token, and a token's command is executed once."""

from __future__ import annotations

import itertools
import secrets
from collections.abc import Callable

from sqlalchemy import Connection, insert, select

from store.database import Store
from store.files import sha256_of
from store.schema import commands
from store.timestamps import utc_now


def new_token() -> str:
    """Return a new random token, which makes one command of a person idempotent."""
    return secrets.token_hex(16)


def stable_token(connection: Connection, text: str, is_there: Callable[[str], bool]) -> str:
    """Return the token of the launch that a text states: the same whenever it is asked for, unless its run was deleted.

    Args:
        is_there: whether a run, by its id, was not deleted.
    """
    for attempt in itertools.count():
        token = sha256_of(f"{text}\n{attempt}".encode())[:32]
        launched = run_of_token(connection, token)
        if launched is None or is_there(launched):
            return token
    raise AssertionError


def run_of_token(connection: Connection, token: str) -> str | None:
    """The run that the token's command was about; None where no command carried it."""
    run: str | None = connection.execute(select(commands.c.run).where(commands.c.token == token)).scalar()
    return run


def find_command(store: Store, token: str) -> str | None:
    """Return the run that the token's command was about; None where no command carried it."""
    with store.read() as connection:
        return run_of_token(connection, token)


def record_once(connection: Connection, token: str, kind: str, run: str) -> bool:
    """Record a command's token in the caller's transaction; False if it is recorded already."""
    if connection.execute(select(commands.c.id).where(commands.c.token == token)).scalar():
        return False
    record_token(connection, token, kind, run)
    return True


def record_token(connection: Connection, token: str, kind: str, run: str) -> None:
    """Record a command's token, in the caller's transaction; a token that is recorded already violates the schema."""
    connection.execute(insert(commands).values(token=token, kind=kind, run=run, at=utc_now()))
