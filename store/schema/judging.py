"""Tables of judge audits, and of rejudged answers."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Float, Integer, String, Table, Text

from store.schema.events import metadata

judge_audits = Table(
    "judge_audits", metadata,
    Column("run", String, primary_key=True),
    Column("judging", Integer, primary_key=True),
    *(Column(name, String, primary_key=True) for name in ("metric", "judge")),
    Column("passed", Boolean, nullable=False),
    *(Column(name, Integer, nullable=False) for name in ("questions", "retests")),
    *(Column(name, Text, nullable=False) for name in ("reasons", "kinds", "probes")),
    *(Column(name, Float) for name in ("noise", "most_noise")),
    Column("at", String, nullable=False),
)

judgings = Table(
    "judgings", metadata,
    Column("run", String, primary_key=True),
    Column("judging", Integer, primary_key=True),
    *(Column(name, Text, nullable=False) for name in ("metrics", "judge", "cycles", "started_at")),
    Column("ended_at", String),
    *(Column(name, Integer) for name in ("scored", "asked", "calls", "tokens")),
    Column("cost_usd", Float),
)

judging_scores = Table(
    "judging_scores", metadata,
    Column("run", String, primary_key=True),
    *(Column(name, Integer, primary_key=True) for name in ("judging", "cycle")),
    *(Column(name, String, primary_key=True) for name in ("arm", "question", "metric", "judge")),
    Column("value", Float),
    Column("missing", String),
)

judging_changes = Table(
    "judging_changes", metadata,
    Column("run", String, primary_key=True),
    *(Column(name, Integer, primary_key=True) for name in ("judging", "cycle")),
    *(Column(name, String, primary_key=True) for name in ("tier", "metric", "topic")),
    Column("change", Text, nullable=False),
)
