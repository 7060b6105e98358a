"""One line of the benchmarks' table, and what goes with it."""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """One measured figure. `ratio` is measured / `against`, both from the same rounds of the same run."""

    what: str
    measured: float
    unit: str
    """Of `measured`: `/s`, `tokens/s`, `ms`, `MB` ..."""
    ratio: float | None = None
    against: str = ""
    """What the ratio compares with; empty where the figure stands alone."""
    goal: str = ""
    """What was aimed at, such as `>= 0.90 x` or `< 300 ms`; empty for a yardstick."""

    @property
    def met(self) -> bool | None:
        """Whether the goal was reached; None where there is none, or none that is a number."""
        goal = re.fullmatch(r"(<|>=) ([\d.,]+) (\S+)", self.goal)
        value = self.ratio if goal and goal[3] == "x" else self.measured
        if goal is None or value is None or goal[3] not in ("x", self.unit):
            return None
        bound = float(goal[2].replace(",", ""))
        return value < bound if goal[1] == "<" else value >= bound


def as_table(rows: list[Row]) -> str:
    """The rows as a Markdown table: what people read on the terminal is what stands in the README."""
    lines = ["| what | measured | ratio | against | goal |", "| --- | ---: | ---: | --- | --- |"]
    for row in rows:
        ratio = "" if row.ratio is None else f"{row.ratio:.2f} x"
        goal = row.goal + {True: " (reached)", False: " (not reached)", None: ""}[row.met]
        lines.append(f"| {row.what} | {_short(row.measured)} {row.unit} | {ratio} | {row.against} | {goal} |")
    return "\n".join(lines)


def _short(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
