"""Query judge audits, and rejudgings of stored answers with their scores and paired changes."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select

from store import schema
from store.database import Store
from store.events import ChangeRecord, KindRecord, ProbeRecord
from store.queries.row_mapping import rows_of, values_of
from store.queries.run_progress import ChangeRow
from store.timestamps import parse

ORIGINAL_JUDGING = 0
"""Number that stands for the run's own judges, whose scores its verdict is based on; rejudgings count from 1."""


@dataclass(frozen=True)
class Audit:
    """The result of validating one judge on planted answers, by one metric."""

    run: str
    judging: int
    metric: str
    judge: str
    passed: bool
    questions: int
    """Number of questions with planted answers; 0 if there were none to plant answers for."""
    reasons: tuple[str, ...]
    kinds: tuple[KindRecord, ...]
    probes: tuple[ProbeRecord, ...]
    retests: int
    noise: float | None
    most_noise: float | None
    at: datetime

    @property
    def means(self) -> Mapping[str, float | None]:
        """Mean score by kind of planted answer."""
        return {kind.kind: kind.mean for kind in self.kinds}


@dataclass(frozen=True)
class Judging:
    """A rejudging of stored answers. `work`: running, finished, or interrupted (started, but no process runs it)."""

    run: str
    judging: int
    metrics: tuple[str, ...]
    judge: str
    cycles: tuple[int, ...]
    started_at: datetime
    ended_at: datetime | None
    scored: int | None
    asked: int | None
    calls: int | None
    tokens: int | None
    cost_usd: float | None
    work: str


@dataclass(frozen=True)
class ScoreAgain:
    """One score of a rejudging."""

    cycle: int
    arm: str
    question: str
    metric: str
    judge: str
    value: float | None
    missing: str | None


def audits_of(store: Store, run: str, judging: int | None = None) -> list[Audit]:
    """Return the audits of a run's own judges and of its rejudgings, or of one of them by its number."""
    table = schema.judge_audits
    rows = rows_of(store, table, run, table.c.judging, table.c.metric)
    return [_audit(values_of(row, ("reasons", "kinds", "probes")), row.at)
            for row in rows if judging is None or row.judging == judging]


def judgings_of(store: Store, run: str) -> list[Judging]:
    """Return the rejudgings of a run's stored answers, in order."""
    table, claims = schema.judgings, schema.claims
    with store.read() as connection:
        expires_at = connection.execute(select(claims.c.expires_at).where(claims.c.run == run)).scalar()
    held = expires_at is not None and expires_at >= time.time()
    found = []
    for row in rows_of(store, table, run, table.c.judging):
        values = values_of(row, ("metrics", "cycles"))
        work = "finished" if values["ended_at"] else "running" if held else "interrupted"
        found.append(Judging(**values | {"metrics": tuple(values["metrics"]), "cycles": tuple(values["cycles"])},
                             work=work))
    return found


def rejudged_scores(store: Store, run: str, judging: int) -> list[ScoreAgain]:
    """Return the scores of one rejudging."""
    table = schema.judging_scores
    rows = rows_of(store, table, run, table.c.cycle, table.c.arm, table.c.question, table.c.metric)
    return [ScoreAgain(row.cycle, row.arm, row.question, row.metric, row.judge, row.value, row.missing)
            for row in rows if row.judging == judging]


def rejudged_changes(store: Store, run: str, judging: int) -> list[ChangeRow]:
    """Return the paired changes computed from the scores of one rejudging."""
    table = schema.judging_changes
    rows = rows_of(store, table, run, table.c.cycle, table.c.tier, table.c.metric, table.c.topic)
    known = set(ChangeRecord.__dataclass_fields__)
    return [ChangeRow(run=run, cycle=row.cycle,
                      **{name: value for name, value in json.loads(row.change).items() if name in known})
            for row in rows if row.judging == judging]


def _audit(values: dict[str, Any], at: str) -> Audit:
    return Audit(**values | {"at": parse(at), "reasons": tuple(values["reasons"]),
                             "kinds": tuple(KindRecord(**kind) for kind in values["kinds"]),
                             "probes": tuple(ProbeRecord(**probe) for probe in values["probes"])})
