"""Query facts about the store itself, and the package versions of the latest run, for operators."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

import pysqlite3.dbapi2 as sqlite
from sqlalchemy import func, make_url, select

from store import schema
from store.database import Store
from store.database.migrations import version_of
from store.events import RunStarted, from_json
from store.timestamps import parse


@dataclass(frozen=True)
class StoreFacts:
    """Address, engine, schema version and size of the store."""

    address: str
    """URL without the password."""
    engine: str
    schema_version: int
    events: int
    """Total of all streams."""
    runs: int
    last_event_at: datetime | None


@dataclass(frozen=True)
class Environment:
    """Owner and package versions of the run that was started last."""

    run: str
    at: datetime
    owner: str
    versions: Mapping[str, str] = field(default_factory=dict)


def store_facts(store: Store) -> StoreFacts:
    """Return facts about the store; events are counted by the heads of the streams, fast for millions of events."""
    events, streams = schema.events, schema.claims
    head = select(func.max(events.c.seq)).where(events.c.run == streams.c.run).scalar_subquery()
    last = select(events.c.at).where(events.c.run == streams.c.run).order_by(events.c.seq.desc()).limit(1)
    with store.read() as connection:
        written, last_at = connection.execute(
            select(func.coalesce(func.sum(head), 0), func.max(last.scalar_subquery())).select_from(streams)).one()
        runs = connection.execute(select(func.count()).select_from(schema.runs)).scalar_one()
        version = version_of(connection)
        engine = f"SQLite {sqlite.sqlite_version}" if store.is_sqlite else connection.dialect.name
    return StoreFacts(make_url(store.url).render_as_string(), engine, version, int(written), runs,
                      parse(last_at) if last_at else None)


def made_with(store: Store) -> Environment | None:
    """Return the environment of the run that was started last; None if none has been started."""
    runs, events = schema.runs, schema.events
    newest = select(runs.c.id).where(runs.c.started_at.is_not(None)).order_by(runs.c.started_at.desc()).limit(1)
    with store.read() as connection:
        row = connection.execute(
            select(events.c.run, events.c.at, events.c.payload)
            .where(events.c.run == newest.scalar_subquery(), events.c.kind == RunStarted.event_type)
            .order_by(events.c.seq.desc()).limit(1)).one_or_none()
    if row is None:
        return None
    event = from_json(RunStarted.event_type, row.payload)
    assert isinstance(event, RunStarted)
    return Environment(row.run, parse(row.at), event.owner, event.versions)


def stage_files(store: Store) -> list[tuple[str, str]]:
    """Return (run, path within the run's folder) of every finished stage's artifact."""
    stages = schema.stages
    with store.read() as connection:
        rows = connection.execute(select(stages.c.run, stages.c.path).where(stages.c.path.is_not(None)))
        return [(row.run, row.path) for row in rows]
