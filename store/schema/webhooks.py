"""Tables of webhooks, and of what is to be sent to them. Neither is a projection: a rebuild sends nothing again."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Float, Index, Integer, String, Table, Text

from store.schema.events import metadata

webhooks = Table(
    "webhooks", metadata,
    Column("name", String, primary_key=True),
    Column("url", Text, nullable=False),
    Column("format", String, nullable=False),
    Column("occasions", Text, nullable=False),
    Column("secret", String, nullable=False),
    Column("private_addresses", Boolean, nullable=False),
    Column("added_at", String, nullable=False),
)

webhook_outbox = Table(
    "webhook_outbox", metadata,
    Column("id", String, primary_key=True),
    Column("webhook", String, nullable=False),
    Column("occasion", String, nullable=False),
    Column("run", String, nullable=False),
    Column("sentence", Text, nullable=False),
    Column("at", String, nullable=False),
    Column("state", String, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("due_at", Float, nullable=False),
    Column("error", Text),
    Column("ended_at", String),
)
Index("webhook_outbox_due", webhook_outbox.c.state, webhook_outbox.c.due_at)
