"""Rows as CSV and JSON for people to take along. A spreadsheet must never run what a model wrote."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from dashboard.coverage import TopicCoverage
from knowledge.passages import Passage
from store.queries import AnswerPair, ChangeRow, Cycle, Run, TeacherUsage

# A cell that begins with one of these is a formula to a spreadsheet (OWASP, "CSV Injection").
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
_NONE: Mapping[str, TeacherUsage] = {}


def to_csv(rows: Sequence[Mapping[str, Any]]) -> str:
    """CSV with a header; text that would be a formula gets an apostrophe in front, numbers stay numbers."""
    columns = list(dict.fromkeys(key for row in rows for key in row))
    out = io.StringIO()
    writer = csv.DictWriter(out, columns, quoting=csv.QUOTE_MINIMAL, lineterminator="\r\n")
    writer.writeheader()
    writer.writerows([{key: harmless(value) for key, value in row.items()} for row in rows])
    return out.getvalue()


def to_json(rows: Sequence[Mapping[str, Any]]) -> str:
    """The same rows as JSON, exactly as they are."""
    return json.dumps(list(rows), ensure_ascii=False, indent=1, default=str)


def harmless(value: Any) -> Any:
    """The value as a cell that no spreadsheet executes."""
    if not isinstance(value, str):
        return value
    clean = value.replace("\x00", "")
    return f"'{clean}" if clean.lstrip(" ").startswith(_FORMULA_STARTS) else clean


def answer_rows(pairs: Sequence[AnswerPair]) -> list[dict[str, Any]]:
    """Answers side by side, one question a row, every metric of both arms."""
    rows = []
    for pair in pairs:
        row: dict[str, Any] = {
            "question_id": pair.question, "cycle": pair.cycle, "tier": pair.tier, "topic": pair.topic,
            "question": pair.text, "baseline": pair.baseline, "baseline_missing": pair.baseline_missing,
            "tuned": pair.tuned, "tuned_missing": pair.tuned_missing, "reference": pair.reference,
            "evidence": pair.evidence, "source": pair.address,
        }
        for metric, (before, after) in pair.scores.items():
            row |= {f"{metric}_baseline": before, f"{metric}_tuned": after}
        rows.append(row)
    return rows


def change_rows(changes: Sequence[ChangeRow]) -> list[dict[str, Any]]:
    """Paired changes, one a row."""
    return [dataclasses.asdict(row) for row in changes]


def run_rows(runs: Sequence[Run], usages: Mapping[str, TeacherUsage] = _NONE) -> list[dict[str, Any]]:
    """Runs with every value of their configuration, and what their teachers used."""
    return [{
        "run": run.id, "name": run.name, "work": run.work, "verdict": run.verdict, "sentence": run.sentence,
        "requested_at": _iso(run.requested_at), "started_at": _iso(run.started_at), "ended_at": _iso(run.ended_at),
        "held_out_hash": run.held_out_hash, "knowledge_hash": run.knowledge_hash,
        **{f"teacher_{field}": getattr(usages.get(run.id), field, None) for field in ("calls", "tokens", "cost_usd")},
        **{f"config_{key}": _flat(value) for key, value in dataclasses.asdict(run.config).items()},
    } for run in runs]


def cycle_rows(cycles: Sequence[Cycle]) -> list[dict[str, Any]]:
    """Cycles, without what training reported in detail."""
    return [{"run": cycle.run, "cycle": cycle.cycle, "work": cycle.work, "verdict": cycle.verdict,
             "sentence": cycle.sentence, "seconds": cycle.seconds, "training_seconds": cycle.training_seconds,
             "adapter": cycle.adapter, "adapter_sha256": cycle.adapter_sha256} for cycle in cycles]


def topic_rows(rows: Sequence[TopicCoverage]) -> list[dict[str, Any]]:
    """What a knowledge base holds on each topic, and what was asked of it."""
    return [{"topic": row.slug, "name": row.name, "passages": row.passages,
             **{f"passages_{source}": count for source, count in row.by_source.items()},
             "questions": row.questions, "practice_passages": row.practice, "held_out_passages": row.held_out,
             "asked": row.asked, "passages_asked": row.passages_asked} for row in rows]


def passage_rows(passages: Sequence[Passage], sides: Mapping[str, str]) -> list[dict[str, Any]]:
    """Passages, one a row, whole."""
    return [{"passage_id": passage.id, "topic": passage.topic, "source": passage.source, "title": passage.title,
             "text": passage.text, "key_terms": "; ".join(passage.key_terms), "address": passage.address,
             "side": sides.get(passage.id), "questions": "\n".join(passage.questions)} for passage in passages]


def _iso(at: datetime | None) -> str | None:
    return at.isoformat() if at else None


def _flat(value: Any) -> Any:
    return " ".join(str(item) for item in value) if isinstance(value, list | tuple) else value
