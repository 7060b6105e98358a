"""Idempotency of commands: each carries a token, and a token's command is executed once."""

from __future__ import annotations

import secrets

from sqlalchemy import Connection, insert, select

from store.schema import commands
from store.timestamps import utc_now


def new_token() -> str:
    """Return a new random token, which makes one command of a person idempotent."""
    return secrets.token_hex(16)


def run_of_token(connection: Connection, token: str) -> str | None:
    """The run that the token's command was about; None where no command carried it."""
    run: str | None = connection.execute(select(commands.c.run).where(commands.c.token == token)).scalar()
    return run


def record_once(connection: Connection, token: str, kind: str, run: str) -> bool:
    """Record a command's token in the caller's transaction; False if it is recorded already."""
    if connection.execute(select(commands.c.id).where(commands.c.token == token)).scalar():
        return False
    record_token(connection, token, kind, run)
    return True


def record_token(connection: Connection, token: str, kind: str, run: str) -> None:
    """Record a command's token, in the caller's transaction; a token that is recorded already violates the schema."""
    connection.execute(insert(commands).values(token=token, kind=kind, run=run, at=utc_now()))
