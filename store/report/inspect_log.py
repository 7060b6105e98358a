"""Render a run's test as a log that Inspect (inspect_ai) can open: one sample per question, with every score.

The log is of the fine-tuned student of the cycle that the verdict is about. The untrained student's answer and scores
stand beside it in each sample. Inspect has no missing score: one that is missing is left out of its sample, which says
why, and the log's metadata counts them.
"""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

from store.analysis.findings import by_topic, latest, tiers_in
from store.queries import AnswerPair, ChangeRow
from store.report.evidence import Evidence
from store.report.reproduce_command import command_of

VERSION = 2
"""Version of Inspect's log format."""
UNTRAINED = "untrained/"
"""Prefix of the names of the untrained student's scores."""
_STATUS = {"finished": "success", "failed": "error", "cancelled": "cancelled"}


class NothingToExport(ValueError):
    """The run has no scored answer of a fine-tuned student; the message is one sentence."""


def as_inspect(evidence: Evidence) -> str:
    """Return the log as JSON.

    Raises:
        NothingToExport: no question of the run has a score of a fine-tuned student.
    """
    run, cycle = evidence.run, evidence.last_cycle
    tested = set(tiers_in(evidence.changes)) - {"practice"}
    pairs = [pair for pair in evidence.answers if pair.cycle == cycle and pair.tier in tested]
    if not any(after is not None for pair in pairs for _, after in pair.scores.values()):
        raise NothingToExport(f"run {run.id} has no scored answer of a fine-tuned student: it is {run.work}")
    created = (run.started_at or run.requested_at).isoformat()
    log = {
        "version": VERSION, "status": _STATUS.get(run.work, "started"),
        "eval": {
            "eval_id": run.id, "run_id": run.id, "task_id": run.held_out_hash or run.id, "created": created,
            "task": run.name or "distillation", "model": f"{run.config.student}/fine-tuned",
            "dataset": {"name": run.held_out_hash or "test", "samples": len(pairs),
                        "sample_ids": [pair.question for pair in pairs]},
            "config": {}, "metadata": _metadata(evidence, pairs)},
        "plan": {"name": "plan", "steps": [], "config": {"temperature": run.config.temperature,
                                                         "max_tokens": run.config.max_new_tokens}},
        "results": {"total_samples": len(pairs), "completed_samples": sum(pair.tuned is not None for pair in pairs),
                    "scores": [_score_of(row, evidence) for row in _compared(evidence)]},
        "stats": {"started_at": created, "completed_at": run.ended_at.isoformat() if run.ended_at else ""},
        "samples": [_sample(pair, run.config.student) for pair in pairs],
    }
    return json.dumps(log, ensure_ascii=False, indent=1, allow_nan=False, default=str)


def _compared(evidence: Evidence) -> list[ChangeRow]:
    """Return the headline test's change by each metric."""
    return [row for metric in evidence.metrics if (row := latest(evidence.changes, metric, evidence.tier))]


def _score_of(row: ChangeRow, evidence: Evidence) -> dict[str, Any]:
    """Return a metric's means on the headline test, with the paired change that the verdict rests on."""
    values = {"mean": row.tuned, "untrained": row.baseline, "change": row.change, "low": row.low, "high": row.high}
    topics = {one.topic: one.tuned for one in by_topic(evidence.changes, row.metric, evidence.tier)
              if one.cycle == row.cycle and one.tuned is not None}
    return {"name": row.metric, "scorer": row.metric, "params": {}, "scored_samples": row.scored,
            "unscored_samples": row.asked - row.scored,
            "metrics": {name: {"name": name, "value": value, "params": {}} for name, value in values.items()
                        if value is not None},
            "metadata": {"tier": row.tier, "verdict": row.verdict, "topics": topics}}


def _sample(pair: AnswerPair, student: str) -> dict[str, Any]:
    answer = pair.tuned or ""
    message = {"role": "assistant", "content": answer, "source": "generate"}
    why = {name: reason for name, reason in (
        ("reference", pair.reference_missing), ("untrained answer", pair.baseline_missing),
        ("fine-tuned answer", pair.tuned_missing)) if reason} | dict(pair.unscored or {})
    return {
        "id": pair.question, "epoch": 1, "input": pair.text, "target": pair.reference or "",
        "choices": [text for _, text in pair.foils] or None,
        "messages": [{"role": "user", "content": pair.text, "source": "input"}, message],
        "output": {"model": f"{student}/fine-tuned", "completion": answer, "choices": [
            {"message": message, "stop_reason": "max_tokens" if pair.tuned_cut_off else "stop"}]},
        "scores": {name: {"value": value, "answer": given} for metric, (before, after) in pair.scores.items()
                   for name, value, given in ((metric, after, pair.tuned),
                                              (f"{UNTRAINED}{metric}", before, pair.baseline)) if value is not None},
        "metadata": {"tier": pair.tier, "topic": pair.topic, "passage_id": pair.passage_id,
                     "untrained_answer": pair.baseline, "missing": why}}


def _metadata(evidence: Evidence, pairs: list[AnswerPair]) -> dict[str, Any]:
    """Return what Inspect has no field for: the verdict, the design, and how many scores are missing."""
    missing = Counter(f"{prefix}{metric}" for pair in pairs for metric, scores in pair.scores.items()
                      for prefix, value in zip((UNTRAINED, ""), scores, strict=True) if value is None)
    return {"verdict": evidence.run.verdict, "sentence": evidence.run.sentence, "headline": evidence.headline,
            "headline_tier": evidence.tier, "cycle": evidence.last_cycle, "teacher": evidence.run.config.teacher,
            "test_openings": evidence.openings, "missing_scores": dict(missing),
            "command": command_of(evidence.run.config)}
