"""Tables of what other programs use: the tokens that they sign in with, and numbers for the events of all streams.

Neither is a projection. Numbers are given once and stay, because programs keep them as cursors.
"""

from __future__ import annotations

from sqlalchemy import Column, Index, Integer, String, Table

from store.schema.events import metadata

api_tokens = Table(
    "api_tokens", metadata,
    Column("sha256", String, primary_key=True),
    Column("name", String, nullable=False),
    Column("scope", String, nullable=False),
    Column("made_at", String, nullable=False),
    Column("expires_at", String),
    Column("revoked_at", String),
)

event_numbers = Table(
    "event_numbers", metadata,
    Column("last_number", Integer, primary_key=True, autoincrement=False),
    Column("run", String, nullable=False),
    Column("first_seq", Integer, nullable=False),
    Column("last_seq", Integer, nullable=False),
)
Index("event_numbers_of_run", event_numbers.c.run, event_numbers.c.last_seq)
