"""The evidence pack of a run: one offline file that a sceptic can check. Reads the store; writes nothing to it.

`evidence` gathers, `page`, `drawings` and `plain` put it into HTML, JSON and CSV, `repeating` gives the command that
repeats the run.
"""

from __future__ import annotations

from store.report.data_formats import as_csv, as_json
from store.report.evidence import Evidence, gather
from store.report.html_page import as_html
from store.report.reproduce_command import command_of

__all__ = ["Evidence", "as_csv", "as_html", "as_json", "command_of", "gather"]
