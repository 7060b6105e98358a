"""Table of schedules (recurring runs)."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Integer, String, Table, Text

from store.schema.events import metadata

schedules = Table(
    "schedules", metadata,
    Column("name", String, primary_key=True),
    Column("cron", String),
    Column("every_seconds", Integer),
    Column("zone", String, nullable=False),
    Column("config", Text, nullable=False),
    Column("skip_if_queued", Boolean, nullable=False),
    Column("priority", Integer, nullable=False),
    Column("added_by", String, nullable=False),
    Column("added_at", String, nullable=False),
    Column("enabled", Boolean, nullable=False),
    Column("next_due_at", String),
    Column("last_due_at", String),
    Column("last_outcome", String),
    Column("last_run", String),
    Column("last_message", Text),
)
