"""Table of people's ratings of answers."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Integer, String, Table, Text

from store.schema.events import metadata

ratings = Table(
    "ratings", metadata,
    Column("run", String, primary_key=True),
    Column("cycle", Integer, primary_key=True),
    Column("question", String, primary_key=True),
    Column("rater", String, primary_key=True),
    Column("rating", String, nullable=False),
    Column("blind", Boolean, nullable=False),
    Column("left_arm", String, nullable=False),
    Column("note", Text, nullable=False),
    Column("at", String, nullable=False),
)
