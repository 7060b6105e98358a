"""Tables of runs, their cycles and stages, and logged metrics."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Float, Index, Integer, String, Table, Text

from store.schema.events import metadata

runs = Table(
    "runs", metadata,
    Column("id", String, primary_key=True),
    Column("name", String, nullable=False),
    Column("config", Text, nullable=False),
    Column("requested_by", String, nullable=False),
    Column("requested_at", String, nullable=False),
    Column("priority", Integer, nullable=False),
    Column("work", String, nullable=False),
    Column("verdict", String),
    Column("sentence", Text),
    Column("started_at", String),
    Column("ended_at", String),
    Column("attempts", Integer, nullable=False, default=0),
    Column("cycle", Integer),
    Column("stage", String),
    Column("done", Integer),
    Column("total", Integer),
    Column("unit", String),
    Column("detail", String),
    Column("flow", Text),
    Column("plan", Text),
    Column("knowledge_hash", String),
    Column("held_out_hash", String),
    Column("error_kind", String),
    Column("error", Text),
    Column("advice", Text),
    Column("trace", Text),
    Column("tags", Text),
    Column("note", Text),
    Column("archived", Boolean),
    Column("done_before", Integer),
    Column("done_seconds", Float),
    Column("group_name", String, nullable=False, default=""),
    Column("node", String),
    Index("runs_by_state", "work", "priority", "requested_at"),
    Index("runs_by_group", "group_name"),
)

cycles = Table(
    "cycles", metadata,
    Column("run", String, primary_key=True),
    Column("cycle", Integer, primary_key=True),
    Column("work", String, nullable=False),
    Column("verdict", String),
    Column("sentence", Text),
    Column("adapter", String),
    Column("adapter_sha256", String),
    Column("training", Text),
    Column("training_seconds", Float),
    Column("started_at", String, nullable=False),
    Column("ended_at", String),
    Column("seconds", Float),
)

stages = Table(
    "stages", metadata,
    Column("run", String, primary_key=True),
    Column("cycle", Integer, primary_key=True),
    Column("stage", String, primary_key=True),
    Column("doer", String, nullable=False),
    Column("work", String, nullable=False),
    Column("started_at", String, nullable=False),
    Column("ended_at", String),
    Column("seconds", Float),
    Column("path", String),
    Column("sha256", String),
    Column("inputs_sha256", String),
    Column("size_bytes", Integer),
    Column("error", Text),
)

metrics = Table(
    "metrics", metadata,
    Column("run", String, primary_key=True),
    Column("key", String, primary_key=True),
    Column("cycle", Integer, primary_key=True),
    Column("stage", String, primary_key=True),
    Column("step", Integer, primary_key=True),
    Column("value", Float),
    Column("unit", String, nullable=False),
    Column("at", String, nullable=False),
    sqlite_with_rowid=False,
)
