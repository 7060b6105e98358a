"""Build the evidence pack of a run: one self-contained HTML, JSON or CSV file to check its verdict. Read-only.

`evidence` gathers the data, `html_page`, `svg_charts`, `data_formats`, `inspect_log` and `paper_tables` render it, and
`reproduce_command` gives the command that repeats the run. `verification` checks a JSON pack from its file alone: its
numbers (`recompute`), its hashes (`pack_seal`) and its signature (`signature`). `reading_report` and `reading_html` are
about a folder of documents instead, before any run.
"""

from __future__ import annotations

from store.report.data_formats import as_csv, as_json
from store.report.evidence import Evidence, gather
from store.report.html_page import as_html
from store.report.inspect_log import NothingToExport, as_inspect
from store.report.paper_tables import as_latex, as_markdown
from store.report.reproduce_command import command_of

__all__ = [
    "Evidence", "NothingToExport", "as_csv", "as_html", "as_inspect", "as_json", "as_latex", "as_markdown",
    "command_of", "gather",
]
