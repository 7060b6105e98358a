"""What happened: the truth, from which every read model can be made again."""

from __future__ import annotations

from sqlalchemy import Column, Index, Integer, MetaData, String, Table, Text, text


metadata = MetaData()
"""What all tables belong to."""

events = Table(
    "events", metadata,
    Column("run", String, primary_key=True),
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("cycle", Integer),
    Column("stage", String),
    Column("kind", String, nullable=False),
    Column("at", String, nullable=False),
    Column("payload", Text, nullable=False),
    sqlite_with_rowid=False,  # one tree to write to, not two; and a run's events lie together
)
worth_a_line = text("kind NOT IN ('MetricLogged', 'StageProgressed')")
"""Numbers of a series and counts of items have their own places; in a log they would drown the rest."""
Index("events_worth_a_line", events.c.run, events.c.seq, sqlite_where=worth_a_line, postgresql_where=worth_a_line)
