"""Shape what was found of an export into rows: metrics with intervals, and answers beside the recorded ones."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from dashboard.style import labels
from store.events import ExportVerified
from store.metrics import METRICS
from store.queries import AnswerPair
from store.queries.verifications import Verified


@dataclass(frozen=True)
class AnswerRow:
    """One question of the locked test with the recorded and the exported student's answer."""

    question: str
    text: str
    recorded: str
    """Empty where there is none."""
    exported: str
    """Empty where there is none; `missing` says why."""
    missing: str

    @property
    def equal(self) -> bool:
        return self.recorded.strip() == self.exported.strip()


def metric_rows(found: ExportVerified) -> list[dict[str, str]]:
    """One row per metric: recorded, exported, the paired change with its interval, and the margin."""
    return [{"metric": METRICS[one.metric].title if one.metric in METRICS else one.metric,
             "recorded": labels.number(one.recorded, 3), "exported": labels.number(one.exported, 3),
             "change": labels.change(one.change, 3), "95% interval": labels.interval(one.low, one.high),
             "margin": f"± {METRICS[one.metric].margin:g}" if one.metric in METRICS else labels.DASH,
             "questions": f"{one.scored} of {one.asked}"} for one in found.changes]


def change_rows(one: Verified) -> list[dict[str, Any]]:
    """One row per metric with the outcome, for downloads."""
    return [{"export": one.found.export, "engine": one.found.engine, "cycle": one.cycle, "at": one.at.isoformat(),
             "outcome": one.found.outcome, "equal": one.found.equal, "size_bytes": one.found.size_bytes,
             **dataclasses.asdict(change)} for change in one.found.changes]


def answer_rows(found: ExportVerified, pairs: Sequence[AnswerPair]) -> list[AnswerRow]:
    """One row per question that both answered, those with another text first."""
    recorded = {pair.question: pair for pair in pairs}
    rows = [AnswerRow(one.question_id, recorded[one.question_id].text, recorded[one.question_id].tuned or "",
                      one.text or "", one.missing or "the answer is empty")
            for one in found.answers if one.question_id in recorded]
    return sorted(rows, key=lambda row: row.equal)
