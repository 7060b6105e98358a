"""Render the results of a run's last cycle as a table for a paper: Markdown, or LaTeX with booktabs."""

from __future__ import annotations

from store import formatting
from store.analysis.findings import latest, tiers_in
from store.metrics import TIERS
from store.queries import ChangeRow
from store.report.evidence import Evidence

_HEAD = ("Metric", "n", "Before", "After", "Change", "95% interval", "Verdict")
_NOTHING = "Nothing has been compared in this run."
_LATEX = {"\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_", "{": r"\{",
          "}": r"\}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "–": "--", "−": "$-$"}


def as_markdown(evidence: Evidence) -> str:
    """Return one Markdown table per tier, the headline tier first, each with its caption."""
    parts = []
    for tier, rows in _tables(evidence):
        lines = [_HEAD, ("---", *("---:",) * 5, "---"), *rows]
        parts.append("\n".join([f"**{_markdown(tier)}.** {_markdown(_caption(evidence))}", "",
                                *(f"| {' | '.join(map(_markdown, row))} |" for row in lines)]))
    return "\n\n".join(parts or [_NOTHING]) + "\n"


def as_latex(evidence: Evidence) -> str:
    """Return one LaTeX table per tier, the headline tier first; needs the package booktabs."""
    parts = []
    for tier, rows in _tables(evidence):
        body = "\n".join(f"{' & '.join(map(_latex, row))} \\\\" for row in rows)
        parts.append(f"\\begin{{table}}\n\\caption{{{_latex(tier)}. {_latex(_caption(evidence))}}}\n"
                     f"\\begin{{tabular}}{{lrrrrrl}}\n\\toprule\n{' & '.join(map(_latex, _HEAD))} \\\\\n\\midrule\n"
                     f"{body}\n\\bottomrule\n\\end{{tabular}}\n\\end{{table}}")
    return "\n\n".join(parts or [f"% {_NOTHING}"]) + "\n"


def _tables(evidence: Evidence) -> list[tuple[str, list[tuple[str, ...]]]]:
    """Return (title, rows) for each tier that was compared."""
    tiers = sorted(tiers_in(evidence.changes), key=lambda tier: tier != evidence.tier)
    return [(TIERS.get(tier, tier).partition(":")[0], _rows(evidence, tier)) for tier in tiers]


def _rows(evidence: Evidence, tier: str) -> list[tuple[str, ...]]:
    found: list[ChangeRow] = [row for metric in evidence.metrics if (row := latest(evidence.changes, metric, tier))]
    return [(formatting.metric(row.metric), str(row.scored), formatting.number(row.baseline, 3),
             formatting.number(row.tuned, 3), formatting.change(row.change, 3),
             formatting.interval(row.low, row.high), row.verdict) for row in found]


def _caption(evidence: Evidence) -> str:
    config, run = evidence.run.config, evidence.run
    return (f"Student {config.student}, teacher {config.teacher}, seed {config.seed}, cycle {evidence.last_cycle} of "
            f"{config.cycles}; paired change with its 95% t interval, clustered by passage. Run {run.id}.")


def _markdown(text: str) -> str:
    escaped = formatting.escape_invisible(text).replace("\n", " ")
    return escaped if set(escaped) <= set("-: ") else escaped.translate(
        {ord(sign): f"\\{sign}" for sign in "\\`*_[]<>|"})


def _latex(text: str) -> str:
    return "".join(_LATEX.get(sign, sign) for sign in formatting.escape_invisible(text).replace("\n", " "))
