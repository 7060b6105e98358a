"""Tables of the control arms: prompts, comparisons, teacher, parts of the gain; and the learning curve."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Float, Integer, String, Table, Text

from store.schema.events import metadata

arm_prompts = Table(
    "arm_prompts", metadata,
    Column("run", String, primary_key=True),
    Column("arm", String, primary_key=True),
    Column("question", String, primary_key=True),
    Column("text", Text, nullable=False),
    Column("sources", Text, nullable=False),
    Column("left_out", Integer, nullable=False),
    Column("cut", Boolean, nullable=False),
)

arm_changes = Table(
    "arm_changes", metadata,
    *(Column(name, String, primary_key=True) for name in ("run", "arm", "against", "metric")),
    *(Column(name, Float) for name in ("before", "after", "change", "low", "high", "p_value")),
    *(Column(name, Integer, nullable=False) for name in ("cycle", "scored", "asked", "wins", "ties", "losses")),
    Column("verdict", String, nullable=False),
)

gaps = Table(
    "gaps", metadata,
    *(Column(name, String, primary_key=True) for name in ("run", "metric")),
    *(Column(name, Float) for name in ("baseline", "tuned", "teacher", "closed", "low", "high")),
    *(Column(name, Integer, nullable=False) for name in ("cycle", "scored", "asked")),
    Column("missing", String),
    Column("by_construction", Boolean, nullable=False),
)

replacements = Table(
    "replacements", metadata,
    *(Column(name, String, primary_key=True) for name in ("run", "arm", "metric")),
    *(Column(name, Float) for name in ("student", "teacher", "difference", "low", "high")),
    *(Column(name, Float, nullable=False) for name in ("confidence", "margin")),
    *(Column(name, Integer, nullable=False) for name in ("cycle", "scored", "asked")),
    Column("verdict", String, nullable=False),
    Column("needed", Integer),
    Column("by_construction", Boolean, nullable=False),
)

gain_shares = Table(
    "gain_shares", metadata,
    *(Column(name, String, primary_key=True) for name in ("run", "metric", "part")),
    Column("gain", Float, nullable=False),
    *(Column(name, Float) for name in ("low", "high", "share")),
    *(Column(name, Integer, nullable=False) for name in ("cycle", "facts", "asked")),
)

curve_points = Table(
    "curve_points", metadata,
    Column("run", String, primary_key=True),
    Column("cycle", Integer, primary_key=True),
    Column("step", Integer, primary_key=True),
    Column("metric", String, primary_key=True),
    *(Column(name, Float) for name in ("value", "change", "low", "high")),
    *(Column(name, Integer, nullable=False) for name in ("of_steps", "scored", "asked")),
)
