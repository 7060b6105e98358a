"""Hostile text of models, users and machines is shown verbatim and has no effect, on every page and in every export."""

from __future__ import annotations

import csv
import io
import json
import re
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from dashboard.style import theme
from store import queries
from store.formatting import escape_invisible
from tests.dashboard import stores
from tests.dashboard.conftest import PAGES, words_of
from tests.dashboard.folders import manual

Opened = Callable[..., AppTest]
Folders = dict[str, tuple[Path, str | None]]

FOLDER = "knowledge of a folder"
MARKDOWN = ("markdown", "title", "header", "subheader", "caption", "info", "warning", "error", "success", "table")
"""Elements whose text is interpreted as Markdown; includes table cells."""
LABELS = ("expander", "button", "metric", "selectbox", "page_link", "checkbox", "toggle", "text_input", "multiselect",
          "popover")
SEEN: dict[str, tuple[str, ...]] = {
    "overview": (stores.EVIL,), "compare": (stores.EVIL,), "answers": (stores.EVIL, "<script>alert(2)</script>"),
    "live": ("the error", "the advice"), "history": ("the note", stores.EVIL, "-1+1"),
    "playground": ("the question 1", "the answer", "the silence", "the model"),
    "schedules": ("the planner",), "system": ("the runner", "the host"),
    "knowledge": ("the host",), "new_run": (), "dataset": (stores.EVIL,),
    "exports": ("the export", "the cause", "the answer", "the folder", "the refusal"), FOLDER: ("bomb", "bomb.png"),
}
"""Hostile texts that each page must show verbatim; the sidebar shows the runner's host on all pages."""
MOST_CHARACTERS = 6_200
OUR_TAGS = {"div", "span", "i", "del", "ins", "table", "thead", "tbody", "tr", "th", "td"}
"""Of differences between words, of small tables and of charts in rows."""


@pytest.fixture
def taken(monkeypatch: pytest.MonkeyPatch) -> dict[str, Callable[[], bytes]]:
    """A page's downloads by file name; AppTest cannot press download buttons."""
    found: dict[str, Callable[[], bytes]] = {}

    def offered(label: str, data: Callable[[], bytes], file_name: str, *_: Any, **__: Any) -> bool:
        found[file_name] = data
        return False

    monkeypatch.setattr(st, "download_button", offered)
    return found


@pytest.mark.parametrize("page", [*PAGES, FOLDER])
def test_what_somebody_wrote_is_shown_as_it_is_and_does_no_harm(page: str, state_folders: Folders, tmp_path: Path,
                                                                opened: Opened,
                                                                taken: dict[str, Callable[[], bytes]]) -> None:
    folder = state_folders["hostile"][0]
    url = {FOLDER: {"knowledge": str(manual(tmp_path / "docs $x^2$", hostile=True))},
           "live": {"run": failed_run(folder)}}.get(page, {})
    app = opened(folder, page.partition(" ")[0], **url)
    if page == "schedules":
        app.session_state["schedule table"] = {"selection": {"rows": [], "columns": [], "cells": [(0, "name")]}}
        app.run()
    assert not app.exception
    for kind in MARKDOWN:
        for element in app.get(kind):
            assert "evil.example" not in str(element.value) and "bomb" not in str(element.value), f"{kind} on {page}"
    for element in app.get("html"):
        if element.value == theme.PAGE_CSS:
            continue
        assert set(re.findall(r"<\s*/?\s*([a-z]*)", element.value.casefold())) <= OUR_TAGS, page
    for kind in LABELS:
        for element in app.get(kind):
            assert "evil.example" not in str(getattr(element, "label", None) or ""), f"label of {kind} on {page}"
    words = list(shown(app))
    for text in words:
        assert text == escape_invisible(text) and len(text) <= MOST_CHARACTERS, f"on {page}: {text[:80]!r}"
    for mark in SEEN[page]:
        assert any(mark in text for text in words), f"{mark} is not on {page}"
    assert taken or page == "playground"
    for name, data in taken.items():
        harmless(name, data())


def failed_run(folder: Path) -> str:
    """The newest run."""
    store = stores.store_at(folder)
    found = queries.all_runs(store, 1)[0].id
    store.close()
    return found


def shown(app: AppTest) -> Iterator[str]:
    """All texts of a page, including table cells and options of lists."""
    yield from words_of(app).split("\n")
    yield from (str(element.value) for kind in ("text", "code") for element in app.get(kind))
    for frame in app.dataframe:
        for column in frame.value.columns:
            yield from (cell for cell in frame.value[column] if isinstance(cell, str))
    for kind in ("selectbox", "multiselect"):
        for element in app.get(kind):
            yield from element.options


def harmless(name: str, data: bytes) -> None:
    """Assert that an export, or each text in an archive, has nothing that a spreadsheet or browser would execute."""
    if zipfile.is_zipfile(io.BytesIO(data)):
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            texts = [one for one in archive.namelist() if one.endswith((".csv", ".html", ".json", ".jsonl"))]
            assert texts, name
            for one in texts:
                harmless(f"{name}/{one}", archive.read(one))
        return
    ending, text = name.rpartition(".")[2], data.decode("utf-8-sig")
    if ending == "csv":
        for row in csv.DictReader(io.StringIO(text, newline="")):
            for cell in filter(None, row.values()):
                assert not is_formula(cell) and "\x00" not in cell, f"{name}: {cell[:40]!r}"
    elif ending == "html":
        assert not re.findall(r"<\s*(?:script|img|iframe|object|link|a)\b", text) and "default-src 'none'" in text, name
        assert text == escape_invisible(text), name
    else:
        for part in text.splitlines() if ending == "jsonl" else [text]:
            json.loads(part)


def is_formula(cell: str) -> bool:
    begins = cell.lstrip(" ")[:1]
    if begins in "+-" and begins:
        try:
            float(cell)  # a number is one
        except ValueError:
            return True
        return False
    return begins in ("=", "@", "\t", "\r", "\n")


def test_exports_keep_what_was_written_to_the_last_character(state_folders: Folders, opened: Opened,
                                                             taken: dict[str, Callable[[], bytes]]) -> None:
    opened(state_folders["hostile"][0], "playground")
    answered, failed = json.loads(taken["questions.json"]())
    assert answered["tuned"] == "A" * 100_000 and answered["question"] == f"{stores.ODD} the question 1"
    assert failed["error"] == f"{stores.ODD} the failure"
    opened(state_folders["hostile"][0], "history")
    assert {row["name"] for row in json.loads(taken["runs.json"]())} == {stores.EVIL, f"{stores.ODD} failed"}
    run = failed_run(state_folders["hostile"][0])
    opened(state_folders["hostile"][0], "live", run=run)
    assert {row["kind"] for row in json.loads(taken[f"log-{run}.json"]())} >= {"RunFailed", "RunStarted"}
    assert {row["key"] for row in json.loads(taken[f"numbers-{run}.json"]())} >= {"peak_rss_bytes"}


def test_a_hostile_name_is_no_name_for_a_schedule_and_is_said_as_it_is(tmp_path: Path, opened: Opened) -> None:
    app = opened(tmp_path, "schedules")
    app.text_input(key="schedule name").input(stores.EVIL[:64]).run()
    app.button(key="schedule add").click().run()
    assert not app.exception and any("is not a valid name for a schedule" in item.value for item in app.text)
    assert not any("evil.example" in str(element.value) for kind in MARKDOWN for element in app.get(kind))
