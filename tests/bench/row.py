"""One line of the benchmarks' table, and what goes with it."""

from __future__ import annotations

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


def as_table(rows: list[Row]) -> str:
    """The rows as a Markdown table: what people read on the terminal is what stands in the README."""
    lines = ["| what | measured | ratio | against | goal |", "| --- | ---: | ---: | --- | --- |"]
    for row in rows:
        ratio = "" if row.ratio is None else f"{row.ratio:.2f} x"
        lines.append(f"| {row.what} | {_short(row.measured)} {row.unit} | {ratio} | {row.against} | {row.goal} |")
    return "\n".join(lines)


def _short(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
