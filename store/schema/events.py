"""The `events` table, the source of truth from which every read model can be rebuilt."""

from __future__ import annotations

from sqlalchemy import Column, Index, Integer, MetaData, String, Table, Text, text


metadata = MetaData()
"""SQLAlchemy metadata of all tables."""

events = Table(
    "events", metadata,
    Column("run", String, primary_key=True),
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("cycle", Integer),
    Column("stage", String),
    Column("kind", String, nullable=False),
    Column("at", String, nullable=False),
    Column("payload", Text, nullable=False),
    sqlite_with_rowid=False,  # one B-tree to write to instead of two, and a run's events are stored together
)
worth_a_line = text("kind NOT IN ('MetricLogged', 'StageProgressed')")
"""Condition for events shown in a log: logged metrics and progress would bury the rest, and are shown elsewhere."""
Index("events_worth_a_line", events.c.run, events.c.seq, sqlite_where=worth_a_line, postgresql_where=worth_a_line)
