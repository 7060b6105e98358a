"""Draw the pipeline table as a Mermaid flowchart for the README of this folder (a test compares the two)."""

from __future__ import annotations

import itertools

from runner.pipeline.pipeline import EVERY_CYCLE, PIPELINE, RUN_ENDS, RUN_STARTS, StageSpec
from store.run_config import RunConfig

OPTIONAL = "optional"


def mermaid() -> str:
    """Return the table as a Mermaid flowchart: one box per stage, one frame per phase, in order."""
    lines = ["flowchart LR"]
    for number, phase in enumerate((RUN_STARTS, EVERY_CYCLE, RUN_ENDS)):
        rows = [row for row in PIPELINE if row.phase == phase]
        lines += [f'  subgraph phase{number}["{phase}"]', "    direction LR"]
        lines += [f'    {row.stage}["{row.title}<br/><i>{row.doer}</i>"]{_node_class(row)}' for row in rows]
        lines += [f"    {one.stage} --> {other.stage}" for one, other in itertools.pairwise(rows)]
        lines.append("  end")
    lines += ["  phase0 --> phase1 -- next cycle --> phase1", "  phase1 --> phase2",
              f"  classDef {OPTIONAL} stroke-dasharray: 5 4"]
    return "\n".join(lines)


def _node_class(row: StageSpec) -> str:
    """Dashed for stages that are off by default."""
    return "" if row.when(RunConfig()) else f":::{OPTIONAL}"
