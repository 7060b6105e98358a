"""Convert read models to export rows; `store/csv_json_html.py` writes rows as CSV, JSON and HTML."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from dashboard.view_models.topic_coverage import TopicCoverage
from knowledge.passages import Passage
from store.analysis.group_result import GroupResult
from store.analysis.run_comparison import PairedComparison
from store.queries import ChangeRow, Cycle, PlaygroundQuestion, Point, Run, TeacherUsage
from store.queries.memory import StageMemory

_NONE: Mapping[str, TeacherUsage] = {}


def change_rows(changes: Sequence[ChangeRow]) -> list[dict[str, Any]]:
    """One row per paired change."""
    return [dataclasses.asdict(row) for row in changes]


def run_comparison_rows(paired: Sequence[PairedComparison]) -> list[dict[str, Any]]:
    """One row per metric of each paired comparison of fine-tuned students."""
    return [{"one": row.one, "other": row.other, "metric": row.metric, "judge": row.judge,
             **dataclasses.asdict(row.found), "adjusted_p": row.adjusted_p, "verdict": row.verdict,
             "margin": row.margin} for row in paired]


def group_rows(result: GroupResult) -> list[dict[str, Any]]:
    """One row per combination of settings, tier and metric of a group, with each seed's change."""
    return [{"group": result.name, **{f"setting_{name}": value for name, value in one.settings.items()},
             "tier": row.tier, "metric": row.metric, "judge": row.judge, "seeds": len(one.pooled),
             "training_seeds": _flat([run.config.seed_of_training for run in one.pooled]),
             "runs": _flat([run.id for run in one.pooled]), **dataclasses.asdict(row.found.pooled),
             "seeds_in_interval": row.found.seeds_in, "between_seeds_sd": row.found.spread,
             "seed_changes": _flat(row.found.seed_changes), "questions_low": row.found.questions_low,
             "questions_high": row.found.questions_high, "verdict": row.verdict}
            for one in result.combinations for row in one.changes]


def run_rows(runs: Sequence[Run], usages: Mapping[str, TeacherUsage] = _NONE) -> list[dict[str, Any]]:
    """One row per run with its full configuration and its teacher usage."""
    return [{
        "run": run.id, "name": run.name, "group": run.group, "work": run.work, "verdict": run.verdict,
        "sentence": run.sentence,
        "requested_at": _iso(run.requested_at), "started_at": _iso(run.started_at), "ended_at": _iso(run.ended_at),
        "tags": _flat(run.tags), "note": run.note, "archived": run.archived,
        "held_out_hash": run.held_out_hash, "knowledge_hash": run.knowledge_hash,
        **{f"teacher_{field}": getattr(usages.get(run.id), field, None) for field in ("calls", "tokens", "cost_usd")},
        **{f"config_{key}": _flat(value) for key, value in dataclasses.asdict(run.config).items()},
    } for run in runs]


def playground_rows(questions: Sequence[PlaygroundQuestion]) -> list[dict[str, Any]]:
    """One row per playground question with every arm's answer and the teacher's cost."""
    return [{
        "asked": one.id, "run": one.run, "cycle": one.cycle, "asked_by": one.asked_by, "asked_at": _iso(one.asked_at),
        "state": one.state, "question": one.question,
        **{key: value for answer in one.said
           for key, value in ((answer.arm, answer.text or None), (f"{answer.arm}_silent", answer.silent or None))},
        "error": one.error, "with_teacher": one.with_teacher,
        **{f"teacher_{field}": getattr(one.bill, field, None) for field in (
            "model", "calls", "prompt_tokens", "completion_tokens", "reasoning_tokens", "cost_usd")},
    } for one in questions]


def cycle_rows(cycles: Sequence[Cycle]) -> list[dict[str, Any]]:
    """One row per cycle, without training details."""
    return [{"run": cycle.run, "cycle": cycle.cycle, "work": cycle.work, "verdict": cycle.verdict,
             "sentence": cycle.sentence, "seconds": cycle.seconds, "training_seconds": cycle.training_seconds,
             "adapter": cycle.adapter, "adapter_sha256": cycle.adapter_sha256} for cycle in cycles]


def number_rows(points: Sequence[Point]) -> list[dict[str, Any]]:
    """One row per logged metric value."""
    return [{**vars(point), "at": _iso(point.at)} for point in points]


def memory_rows(stages: Sequence[StageMemory]) -> list[dict[str, Any]]:
    """One row per stage with its memory use in bytes."""
    return [dataclasses.asdict(stage) for stage in stages]


def topic_rows(rows: Sequence[TopicCoverage]) -> list[dict[str, Any]]:
    """One row per topic with its passages and questions, and how many were used."""
    return [{"topic": row.slug, "name": row.name, "passages": row.passages,
             **{f"passages_{source}": count for source, count in row.by_source.items()},
             "questions": row.questions, "practice_passages": row.practice, "held_out_passages": row.held_out,
             "asked": row.asked, "passages_asked": row.passages_asked} for row in rows]


def passage_rows(passages: Sequence[Passage], sides: Mapping[str, str]) -> list[dict[str, Any]]:
    """One row per passage, with its full text."""
    return [{"passage_id": passage.id, "topic": passage.topic, "source": passage.source, "title": passage.title,
             "text": passage.text, "key_terms": "; ".join(passage.key_terms), "address": passage.address,
             "side": sides.get(passage.id), "questions": "\n".join(passage.questions)} for passage in passages]


def _iso(at: datetime | None) -> str | None:
    return at.isoformat() if at else None


def _flat(value: Any) -> Any:
    return " ".join(str(item) for item in value) if isinstance(value, list | tuple) else value
