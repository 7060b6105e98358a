"""Tables of questions with their references, of answers, and of scores."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Float, Index, Integer, String, Table, Text

from store.schema.events import metadata

questions = Table(
    "questions", metadata,
    Column("run", String, primary_key=True),
    Column("cycle", Integer, primary_key=True),
    Column("question", String, primary_key=True),
    Column("tier", String, nullable=False),
    Column("topic", String, nullable=False),
    Column("text", Text, nullable=False),
    Column("passage", Text, nullable=False),
    Column("passage_id", String, nullable=False),
    Column("title", String, nullable=False),
    Column("address", String, nullable=False),
    Column("evidence", Text, nullable=False),
    Column("reference", Text),
    Column("reference_missing", String),
    Column("foils", Text),
    Index("questions_by_passage", "topic", "passage_id"),
)

answers = Table(
    "answers", metadata,
    Column("run", String, primary_key=True),
    Column("cycle", Integer, primary_key=True),
    Column("arm", String, primary_key=True),
    Column("question", String, primary_key=True),
    Column("text", Text),
    Column("missing", String),
    Column("tokens", Integer, nullable=False),
    Column("seconds", Float, nullable=False),
    Column("cut_off", Boolean, nullable=False),
)

scores = Table(
    "scores", metadata,
    Column("run", String, primary_key=True),
    Column("cycle", Integer, primary_key=True),
    Column("arm", String, primary_key=True),
    Column("question", String, primary_key=True),
    Column("metric", String, primary_key=True),
    Column("judge", String, primary_key=True),
    Column("value", Float),
    Column("missing", String),
    sqlite_with_rowid=False,
)
