"""Tables of claims, commands, runners, nodes of a cluster, cached LLM calls and claims on them, refused options,
playground questions, verifications.

None of them is a projection: they are the only copy of their data.
"""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Float, Integer, String, Table, Text

from store.schema.events import metadata

claims = Table(
    "claims", metadata,
    Column("run", String, primary_key=True),
    Column("owner", String),
    Column("fence", Integer, nullable=False, default=0),
    Column("attempt", Integer, nullable=False, default=0),
    Column("expires_at", Float),
    Column("stop_requested", String),
    Column("waits_for", Text),
)

commands = Table(
    "commands", metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("token", String, nullable=False, unique=True),
    Column("kind", String, nullable=False),
    Column("run", String),
    Column("at", String, nullable=False),
)

runners = Table(
    "runners", metadata,
    Column("owner", String, primary_key=True),
    Column("host", String, nullable=False),
    Column("pid", Integer, nullable=False),
    Column("started_at", String, nullable=False),
    Column("beat_at", Float, nullable=False),
    Column("next_beat_by", Float, nullable=False),
    Column("stopped", Boolean, nullable=False, default=False),
)

nodes = Table(
    "nodes", metadata,
    Column("id", String, primary_key=True),
    Column("name", String, nullable=False),
    Column("owner", String, nullable=False),
    Column("alive", Boolean, nullable=False),
    *(Column(name, Float, nullable=False) for name in ("cpus", "gpus", "cpus_used", "gpus_used", "since")),
    Column("gone_at", Float),
    Column("reason", Text, nullable=False),
)

teacher_calls = Table(
    "teacher_calls", metadata,
    Column("key", String, primary_key=True),
    Column("run", String, nullable=False),
    Column("model", String, nullable=False),
    Column("purpose", String, nullable=False),
    Column("response", Text, nullable=False),
    Column("prompt_tokens", Integer),
    Column("completion_tokens", Integer),
    Column("at", String, nullable=False),
    Column("reasoning_tokens", Integer),
    Column("batch", String),
    Column("cached_prompt_tokens", Integer),
)

call_claims = Table(
    "call_claims", metadata,
    Column("key", String, primary_key=True),
    Column("run", String, nullable=False),
)

endpoint_options = Table(
    "endpoint_options", metadata,
    *(Column(name, String, primary_key=True) for name in ("address", "model", "effort", "option")),
    Column("sent_instead", String, nullable=False),
    Column("message", Text, nullable=False),
    Column("at", String, nullable=False),
)

asked = Table(
    "asked", metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("token", String, nullable=False, unique=True),
    *(Column(name, String, nullable=False) for name in ("run", "asked_by", "asked_at", "state")),
    Column("cycle", Integer, nullable=False),
    Column("question", Text, nullable=False),
    Column("with_teacher", Boolean, nullable=False),
    Column("attempts", Integer, nullable=False, default=0),
    Column("owner", String),
    Column("error", Text),
    Column("said", Text),
    Column("ended_at", String),
)

verifications = Table(
    "verifications", metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("token", String, nullable=False, unique=True),
    *(Column(name, String, nullable=False) for name in ("run", "requested_by", "requested_at", "state", "engine")),
    Column("cycle", Integer, nullable=False),
    *(Column(name, Text, nullable=False) for name in ("artefact", "model")),
    Column("attempts", Integer, nullable=False, default=0),
    Column("owner", String),
    *(Column(name, Text) for name in ("error", "progress")),
    Column("ended_at", String),
)
