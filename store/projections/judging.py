"""Project judge audits and rejudged answers, which are stored separately from the run's own scores."""

from __future__ import annotations

import dataclasses
import json

from sqlalchemy import Connection, update

from store import events, schema
from store.events import Recorded
from store.projections.row_updates import Apply, moment, upsert


def _audited(connection: Connection, recorded: Recorded, event: events.JudgeAudited) -> None:
    lists = {name: json.dumps([item if isinstance(item, str) else dataclasses.asdict(item)
                               for item in getattr(event, name)]) for name in ("reasons", "kinds", "probes")}
    upsert(connection, schema.judge_audits, [
        {"run": recorded.run, "judging": event.judging, "metric": event.metric, "judge": event.judge,
         "passed": event.passed, "questions": event.questions, "retests": event.retests, "noise": event.noise,
         "most_noise": event.most_noise, "at": moment(recorded), **lists}])


def _started(connection: Connection, recorded: Recorded, event: events.JudgingStarted) -> None:
    upsert(connection, schema.judgings, [
        {"run": recorded.run, "judging": event.judging, "metrics": json.dumps(event.metrics), "judge": event.judge,
         "cycles": json.dumps(event.cycles), "started_at": moment(recorded), "ended_at": None}])


def _judged(connection: Connection, recorded: Recorded, event: events.AnswersJudgedAgain) -> None:
    upsert(connection, schema.judging_scores, [
        {"run": recorded.run, "judging": event.judging, "cycle": recorded.cycle or 0, "arm": event.arm,
         "question": s.question_id, "metric": s.metric, "judge": event.judge, "value": s.value, "missing": s.missing}
        for s in event.scores])


def _compared(connection: Connection, recorded: Recorded, event: events.JudgingCompared) -> None:
    upsert(connection, schema.judging_changes, [
        {"run": recorded.run, "judging": event.judging, "cycle": recorded.cycle or 0, "tier": c.tier,
         "metric": c.metric, "topic": c.topic, "change": json.dumps(dataclasses.asdict(c))} for c in event.changes])


def _finished(connection: Connection, recorded: Recorded, event: events.JudgingFinished) -> None:
    table = schema.judgings
    connection.execute(
        update(table).where(table.c.run == recorded.run, table.c.judging == event.judging)
        .values(ended_at=moment(recorded), scored=event.scored, asked=event.asked, calls=event.calls,
                tokens=event.tokens, cost_usd=event.cost_usd))


APPLY: dict[type[events.Event], Apply] = {
    events.JudgeAudited: _audited,
    events.JudgingStarted: _started,
    events.AnswersJudgedAgain: _judged,
    events.JudgingCompared: _compared,
    events.JudgingFinished: _finished,
}
