"""Build the evidence pack of a run: one self-contained HTML, JSON or CSV file to check its verdict. Read-only.

`evidence` gathers the data, `html_page`, `svg_charts` and `data_formats` render it, and `reproduce_command` gives the
command that repeats the run.
"""

from __future__ import annotations

from store.report.data_formats import as_csv, as_json
from store.report.evidence import Evidence, gather
from store.report.html_page import as_html
from store.report.reproduce_command import command_of

__all__ = ["Evidence", "as_csv", "as_html", "as_json", "command_of", "gather"]
