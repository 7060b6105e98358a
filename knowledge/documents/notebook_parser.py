"""Parse Jupyter notebooks into blocks: their Markdown cells, without code and output."""

from __future__ import annotations

import json

from knowledge.documents.document import Page, Unreadable
from knowledge.documents.markdown_parser import read_markdown


def read_notebook(path: str, text: str) -> Page:
    """Parse a notebook file of format 3 or 4.

    Raises:
        Unreadable: not the JSON of a notebook.
    """
    try:
        notebook = json.loads(text)
        sheets = notebook.get("worksheets") or [notebook]
        cells = [cell for sheet in sheets for cell in sheet["cells"]]
        prose = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown"]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise Unreadable("a broken notebook, not the JSON of cells") from error
    return read_markdown(path, "\n\n".join(prose))
