"""Export rows as CSV, JSON and HTML. A spreadsheet must never execute what a model wrote."""

from __future__ import annotations

import csv
import html
import io
import json
from collections.abc import Mapping, Sequence
from typing import Any

from store.formatting import escape_invisible
from store.queries import AnswerPair

# A spreadsheet reads a cell that starts with one of these as a formula (OWASP, "CSV Injection").
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def to_csv(rows: Sequence[Mapping[str, Any]]) -> str:
    """Return CSV with a header; text that would be a formula gets an apostrophe in front, numbers stay numbers."""
    columns = list(dict.fromkeys(key for row in rows for key in row))
    out = io.StringIO()
    writer = csv.DictWriter(out, columns, quoting=csv.QUOTE_MINIMAL, lineterminator="\r\n")
    writer.writeheader()
    writer.writerows([{key: escape_formula(value) for key, value in row.items()} for row in rows])
    return out.getvalue()


def to_json(rows: Sequence[Mapping[str, Any]]) -> str:
    """Return the rows as a JSON list, unchanged."""
    return json.dumps(list(rows), ensure_ascii=False, indent=1, default=str)


_PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<style>body {{ font: 14px sans-serif }} table {{ border-collapse: collapse }}
td, th {{ border: 1px solid #888; padding: 4px 8px; text-align: left; vertical-align: top; white-space: pre-wrap }}
</style>
</head><body><h1>{title}</h1><table><thead><tr>{head}</tr></thead><tbody>
{body}
</tbody></table></body></html>
"""


def to_html(rows: Sequence[Mapping[str, Any]], title: str) -> str:
    """Return the rows as one self-contained HTML page without scripts; every text is escaped."""
    columns = list(dict.fromkeys(key for row in rows for key in row))

    def line(cells: Sequence[Any], tag: str) -> str:
        return "".join(f"<{tag}>{html.escape('' if cell is None else escape_invisible(str(cell)))}</{tag}>"
                       for cell in cells)
    return _PAGE.format(title=html.escape(title), head=line(columns, "th"), body="\n".join(
        f"<tr>{line([row.get(column) for column in columns], 'td')}</tr>" for row in rows))


def escape_formula(value: Any) -> Any:
    """Return the value as a cell that no spreadsheet executes."""
    if not isinstance(value, str):
        return value
    clean = value.replace("\x00", "")
    return f"'{clean}" if clean.lstrip(" ").startswith(_FORMULA_STARTS) else clean


def answer_rows(pairs: Sequence[AnswerPair]) -> list[dict[str, Any]]:
    """Return both arms' answers, one row per question, with every metric; `passage_id` is the cluster for intervals."""
    rows = []
    for pair in pairs:
        row: dict[str, Any] = {
            "question_id": pair.question, "cycle": pair.cycle, "tier": pair.tier, "topic": pair.topic,
            "passage_id": pair.passage_id, "question": pair.text, "baseline": pair.baseline,
            "baseline_missing": pair.baseline_missing, "tuned": pair.tuned, "tuned_missing": pair.tuned_missing,
            "reference": pair.reference, "evidence": pair.evidence, "source": pair.address,
        }
        for metric, (before, after) in pair.scores.items():
            row |= {f"{metric}_baseline": before, f"{metric}_tuned": after}
        rows.append(row)
    return rows
