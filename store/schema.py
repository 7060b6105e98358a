"""The tables. `events` is the truth; the read models beside it can be rebuilt from it at any time.

`claims`, `commands`, `runners`, `teacher_calls` and `asked` are coordination and receipts, not projections.
"""

from __future__ import annotations

from sqlalchemy import (
    Boolean, Column, Float, Index, Integer, MetaData, String, Table, Text, text,
)

metadata = MetaData()

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

# --- coordination ----------------------------------------------------------------------------------------

claims = Table(
    "claims", metadata,
    Column("run", String, primary_key=True),
    Column("owner", String),
    Column("fence", Integer, nullable=False, default=0),
    Column("attempt", Integer, nullable=False, default=0),
    Column("expires_at", Float),
    Column("stop_requested", String),
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

# --- read models -----------------------------------------------------------------------------------------

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
    Index("runs_by_state", "work", "priority", "requested_at"),
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

schedules = Table(
    "schedules", metadata,
    Column("name", String, primary_key=True),
    Column("cron", String),
    Column("every_seconds", Integer),
    Column("zone", String, nullable=False),
    Column("config", Text, nullable=False),
    Column("skip_if_queued", Boolean, nullable=False),
    Column("priority", Integer, nullable=False),
    Column("added_by", String, nullable=False),
    Column("added_at", String, nullable=False),
    Column("enabled", Boolean, nullable=False),
    Column("next_due_at", String),
    Column("last_due_at", String),
    Column("last_outcome", String),
    Column("last_run", String),
    Column("last_message", Text),
)

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

curve_points = Table(
    "curve_points", metadata,
    Column("run", String, primary_key=True),
    Column("cycle", Integer, primary_key=True),
    Column("step", Integer, primary_key=True),
    Column("metric", String, primary_key=True),
    *(Column(name, Float) for name in ("value", "change", "low", "high")),
    *(Column(name, Integer, nullable=False) for name in ("of_steps", "scored", "asked")),
)

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

READ_MODELS = (runs, cycles, stages, questions, answers, scores, changes, metrics, schedules, arm_prompts,
               arm_changes, gaps, curve_points, ratings, judge_audits, judgings,
               judging_scores, judging_changes)
