"""Labels of fields and columns: every field has a help text, unless its label is self-explanatory."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from tests.dashboard.conftest import PAGES, static_tables

Folders = dict[str, tuple[Path, str | None]]
FIELDS = ("selectbox", "multiselect", "text_input", "text_area", "number_input", "slider", "toggle", "checkbox",
          "radio", "date_input", "button_group")
SELF_EXPLAINING = {"Topic", "State", "Sort by", "Question", "Note", "Every", "Unit"}
HIDDEN_LABEL = 2
SELECTED = {"history": "run table", "schedules": "schedule table"}
"""Tables whose row selection shows further elements, by page."""


def looked_at(folders: Folders, opened: Callable[..., AppTest], page: str) -> Iterator[AppTest]:
    for state in ("finished", "hostile", "paid", "arms", "untuned"):
        app = opened(folders[state][0], page)
        if page in SELECTED:
            app.session_state[SELECTED[page]] = {"selection": {"rows": [], "columns": [], "cells": [(0, "name")]}}
            app.run()
        assert not app.exception
        yield app


@pytest.mark.parametrize("page", PAGES)
def test_every_field_explains_itself_and_every_heading_of_a_table_begins_with_a_capital_letter(
        page: str, state_folders: Folders, opened: Callable[..., AppTest]) -> None:
    bare, small = set(), []
    for app in looked_at(state_folders, opened, page):
        bare |= {field.label for kind in FIELDS for field in app.get(kind)
                 if not field.proto.help and field.proto.label_visibility.value != HIDDEN_LABEL}
        headings = [heading for table in app.dataframe for heading in headings_of(table)]
        headings += [heading.text or "" for table in static_tables(app) for heading in table.iter("th")]
        small += [heading for heading in headings if heading[:1].islower() and not heading.startswith("chrF")]
    assert bare <= SELF_EXPLAINING and small == []


def headings_of(table: Any) -> list[str]:
    settings = json.loads(table.proto.columns)
    return [str(settings.get(name, {}).get("label", name)) for name in table.value.columns]
