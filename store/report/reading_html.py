"""Render the reading report of a folder as one self-contained HTML page. The template escapes all untrusted text."""

from __future__ import annotations

import base64
import functools
import hashlib
from datetime import datetime
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from store import formatting
from store.report.reading_report import ReadingReport

_HERE = Path(__file__).parent
MOST_ROWS = 2000
"""Most files in one table of the page; the JSON has all."""
LONGEST = 600
LANGUAGES = {"en": "English", "de": "German", "fr": "French", "es": "Spanish", "it": "Italian", "pt": "Portuguese",
             "nl": "Dutch", "ru": "Russian or another in Cyrillic", "zh": "Chinese", "ja": "Japanese", "ko": "Korean",
             "el": "Greek", "he": "Hebrew", "ar": "Arabic", "hi": "Hindi or another in Devanagari", "th": "Thai",
             "und": "not recognized"}


def reading_html(report: ReadingReport) -> str:
    """Return the page. Its security policy allows only its own style, by hash: no scripts, nothing loaded."""
    style = "".join((_HERE / name).read_text(encoding="utf-8") for name in ("html_page.css", "reading_page.css"))
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    files = sorted(report.files, key=lambda file: (-file.passages, file.path))
    return _templates().get_template("reading_page.html.j2").render(
        r=report, made_at=formatting.moment(datetime.fromisoformat(report.made_at)), style=style,
        style_hash=f"sha256-{digest}", files=files[:MOST_ROWS],
        more_files=max(0, len(files) - MOST_ROWS), left_out=report.left_out[:MOST_ROWS],
        more_left_out=max(0, len(report.left_out) - MOST_ROWS), languages=LANGUAGES,
        bytes=sum(file.bytes for file in files), sentences=sum(report.sentences_left_out.values()),
        sides=(("training", report.training), ("held-out", report.held_out),
               ("neither", report.near_duplicates))).strip() + "\n"


def _escape_invisible(value: Any) -> Any:
    return formatting.escape_invisible(value) if type(value) is str else value


@functools.cache
def _templates() -> Environment:
    environment = Environment(loader=FileSystemLoader(_HERE), autoescape=True, undefined=StrictUndefined,
                              trim_blocks=True, lstrip_blocks=True, finalize=_escape_invisible)
    environment.filters |= {"count": "{:,}".format, "size": _size, "percent": _percent, "noun": _noun,
                            "text": lambda text: formatting.clipped(text, LONGEST)[0]}
    return environment


def _size(count: int) -> str:
    """`12 kB`, `3.4 MB`."""
    return f"{count:,} B" if count < 1000 else f"{count / 1000:,.0f} kB" if count < 1_000_000 else \
        f"{count / 1_000_000:,.1f} MB"


def _noun(count: int, noun: str) -> str:
    """The noun, with an s unless the count is 1."""
    return noun if count == 1 else f"{noun}s"


def _percent(part: int, whole: int) -> str:
    return f"{100 * part / whole:.0f}%" if whole else formatting.DASH
