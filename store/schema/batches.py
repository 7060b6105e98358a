"""Table of batches: calls that were sent as one file, at a lower price."""

from __future__ import annotations

from sqlalchemy import Column, Float, Integer, String, Table, Text

from store.schema.events import metadata

batches = Table(
    "batches", metadata,
    *(Column(name, String, primary_key=True) for name in ("run", "batch")),
    *(Column(name, String, nullable=False) for name in ("role", "model", "address", "path", "sha256", "state")),
    Column("calls", Text, nullable=False),
    Column("cycle", Integer),
    *(Column(name, String) for name in ("stage", "server_id", "planned_at", "sent_at", "expires_at", "ended_at")),
    *(Column(name, Integer, nullable=False) for name in ("completed", "failed", "total", "recorded")),
    *(Column(name, Float) for name in ("estimated_cost_usd", "cost_usd")),
    Column("message", Text),
    Column("failures", Text),
)
