"""Query the tokens of the REST interface; their texts are stored nowhere."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import select

from store.database import Store
from store.files import sha256_of
from store.queries.row_mapping import values_of
from store.schema import api_tokens as table


@dataclass(frozen=True)
class ApiToken:
    """A token without its text."""

    name: str
    scope: str
    """view, review or operate"""
    made_at: datetime
    expires_at: datetime | None
    """None: never."""
    revoked_at: datetime | None

    @property
    def state(self) -> str:
        """`valid`, `expired` or `revoked`."""
        if self.revoked_at:
            return "revoked"
        return "expired" if self.expires_at and self.expires_at <= datetime.now(UTC) else "valid"


_COLUMNS: tuple[Any, ...] = (table.c.name, table.c.scope, table.c.made_at, table.c.expires_at, table.c.revoked_at)


def api_tokens(store: Store) -> list[ApiToken]:
    """Return all tokens, by name and age."""
    with store.read() as connection:
        rows = connection.execute(select(*_COLUMNS).order_by(table.c.name, table.c.made_at)).all()
    return [ApiToken(**values_of(row)) for row in rows]


def find_token(store: Store, text: str) -> ApiToken | None:
    """Return the token with this text, in whatever state; None if the store has made no such token."""
    with store.read() as connection:
        row = connection.execute(select(*_COLUMNS).where(table.c.sha256 == sha256_of(text.encode()))).one_or_none()
    return ApiToken(**values_of(row)) if row else None
