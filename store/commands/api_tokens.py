"""Make and revoke the tokens that programs send to the REST interface. The store has their hashes alone."""

from __future__ import annotations

import re
import secrets
from datetime import UTC, datetime, timedelta

from sqlalchemy import insert, select, update

from store.commands.runs import CommandRefused
from store.database import Store
from store.files import sha256_of
from store.permissions import Role
from store.program_name import NAME
from store.schema import api_tokens
from store.timestamps import as_text, utc_now

SCOPES = {"view": Role.VIEWER, "review": Role.REVIEWER, "operate": Role.OPERATOR}
"""What a token may do: the role of whoever sends it."""
MOST_DAYS = 3650


def add_token(store: Store, name: str, scope: str, days: int | None = None) -> str:
    """Make a token; return its text, which is stored nowhere.

    Args:
        store: where its hash is kept.
        name: who sends it; recorded with what it asks for.
        scope: one of SCOPES.
        days: it expires after so many days; None: never.

    Raises:
        CommandRefused: an invalid value, or a token of this name that is valid already.
    """
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", name):
        raise CommandRefused(f"{name!r} is no name of a token: use letters, digits, '.', '-' and '_', up to 64")
    if scope not in SCOPES:
        raise CommandRefused(f"scope {scope!r}: use one of {', '.join(SCOPES)}")
    if days is not None and not 1 <= days <= MOST_DAYS:
        raise CommandRefused(f"{days} days: use 1 to {MOST_DAYS}, or leave it out for a token that does not expire")
    token = f"distill_{secrets.token_urlsafe(32)}"
    ends = as_text(datetime.now(UTC) + timedelta(days=days)) if days else None
    with store.write() as connection:
        valid = select(api_tokens.c.name).where(
            api_tokens.c.name == name, api_tokens.c.revoked_at.is_(None),
            api_tokens.c.expires_at.is_(None) | (api_tokens.c.expires_at > utc_now()))
        if connection.execute(valid).scalar():
            raise CommandRefused(f"there is a token {name!r} already: revoke it first, or choose another name")
        connection.execute(insert(api_tokens).values(sha256=sha256_of(token.encode()), name=name, scope=scope,
                                                     made_at=utc_now(), expires_at=ends))
    return token


def revoke_token(store: Store, name: str) -> None:
    """Revoke the tokens of a name, at once.

    Raises:
        CommandRefused: there is none that is not revoked.
    """
    with store.write() as connection:
        found = connection.execute(
            update(api_tokens).where(api_tokens.c.name == name, api_tokens.c.revoked_at.is_(None))
            .values(revoked_at=utc_now()))
        if not found.rowcount:
            raise CommandRefused(f"no token {name!r} that could be revoked: list them with "
                                 f"'{NAME} token list'")
