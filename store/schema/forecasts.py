"""Table of forecasts, one row per run that had one before it started."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Float, Integer, String, Table, Text

from store.schema.events import metadata

forecasts = Table(
    "forecasts", metadata,
    Column("run", String, primary_key=True),
    Column("group_name", String, nullable=False),
    Column("metric", String, nullable=False),
    Column("tier", String, nullable=False),
    *(Column(name, Integer, nullable=False) for name in ("size", "questions")),
    *(Column(name, Float, nullable=False) for name in ("change", "low", "high", "confidence", "margin")),
    Column("stop", Boolean, nullable=False),
    Column("pilots", Text, nullable=False),
    Column("registered_at", String, nullable=False),
    Column("measured", Float),
    Column("held", Boolean),
    Column("scored_at", String),
)
