"""Table of paired changes between untrained and tuned answers."""

from __future__ import annotations

from sqlalchemy import Column, Float, Integer, String, Table

from store.schema.events import metadata

changes = Table(
    "changes", metadata,
    Column("run", String, primary_key=True),
    Column("cycle", Integer, primary_key=True),
    Column("tier", String, primary_key=True),
    Column("metric", String, primary_key=True),
    Column("topic", String, primary_key=True),
    Column("baseline", Float),
    Column("tuned", Float),
    Column("change", Float),
    Column("low", Float),
    Column("high", Float),
    Column("scored", Integer, nullable=False),
    Column("asked", Integer, nullable=False),
    Column("wins", Integer, nullable=False),
    Column("ties", Integer, nullable=False),
    Column("losses", Integer, nullable=False),
    Column("p_value", Float),
    Column("verdict", String, nullable=False),
    Column("clusters", Integer),
    *(Column(name, Float) for name in (
        "t_p_value", "adjusted_p", "wilcoxon_p", "bootstrap_low", "bootstrap_high", "effect", "effect_low",
        "effect_high", "spread", "freedom")),
)
