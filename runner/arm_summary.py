"""What the control arms came to, for the terminal and as JSON; nothing where a run asked for none."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

from store import queries
from store.arms import ARMS, BASELINE, TUNED
from store.database import Store
from store.queries import ArmChange, CurveRow, Gap, Run


def arms_json(store: Store, run: Run) -> dict[str, Any]:
    """Every comparison, gap and point of the curve as it was recorded."""
    found: dict[str, Sequence[ArmChange | Gap | CurveRow]] = {
        "arms": queries.arm_changes_of(store, run.id), "gaps": queries.gaps_of(store, run.id),
        "along_training": queries.curve_of(store, run.id)}
    return {name: [{key: value for key, value in dataclasses.asdict(row).items() if key != "run"} for row in rows]
            for name, rows in found.items() if rows}


def arms_lines(store: Store, run: Run) -> list[str]:
    """A line an arm by the metric that decides, and the gap to the teacher."""
    metric = run.config.headline
    at = {(row.arm, row.against): row for row in queries.arm_changes_of(store, run.id) if row.metric == metric}
    if not at:
        return []
    lines = ["", f"{'control arm':16} {metric + ' against untrained':42} tuned against it"]
    lines += [f"{arm:16} {_words(at.get((arm, BASELINE))):42} {_words(at.get((TUNED, arm)))}" for arm in ARMS
              if (arm, BASELINE) in at]
    return lines + [_gap(gap) for gap in queries.gaps_of(store, run.id) if gap.closed is not None]


def _words(row: ArmChange | None) -> str:
    if row is None or row.change is None:
        return "not measured"
    interval = "no interval" if row.low is None else f"{row.low:+.3f} to {row.high:+.3f}"
    return f"{row.change:+.3f} ({interval}) {row.verdict}"


def _gap(gap: Gap) -> str:
    why = ", the teacher's answers being the references by construction" if gap.by_construction else ""
    return f"gap closed by {gap.metric}: {gap.closed:.2f} ({gap.low:+.2f} to {gap.high:+.2f}){why}"
