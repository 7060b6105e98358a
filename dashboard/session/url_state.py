"""Widgets whose values are kept in the URL, so that pages can be linked: run, cycle, tier, metric, folder.

A link takes precedence over the session's earlier value; a value that is not an option falls back to the default. Only
what a person changes on a page is written to its URL, so that a visit adds no entry to the browser's history by itself
and Back leaves the page.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import streamlit as st

from dashboard.style import labels
from dashboard.widgets import elements
from store.formatting import escape_invisible
from store.queries import Run

FIRST = "first"
"""As the item in view of a link: the first one, and not the one that was last in view."""
_MAX_NAMED = 6


def choose(label: str, key: str, options: Sequence[str], default: str | None = None,
           shown: Callable[[str], str] = str, help_text: str | None = None, buttons: bool = False) -> str:
    """Draw a select box or segmented control; its value is kept in the URL under `key`. `options` must not be empty.

    Args:
        buttons: draw a segmented control, whose label is for screen readers only.
    """
    fallback = default if default is not None and default in options else options[0]
    # Always assigned: the same key on another page is a different widget, which would start at its first option.
    st.session_state[key] = next((value for value in _candidates(key) if value in options), fallback)
    if buttons:
        value = str(st.segmented_control(label, options, key=key, format_func=shown, help=help_text, required=True,
                                         label_visibility="collapsed", on_change=_mark_changed, args=(key,)))
    else:
        value = str(st.selectbox(label, options, key=key, format_func=lambda option: escape_invisible(shown(option)),
                                 help=help_text, on_change=_mark_changed, args=(key,)))
    if (linked := _linked(key)) is not None and linked not in options:
        elements.note(f"The link's {linked!r} is not available here.")
    _write_url(key, value)
    return value


def choose_many(label: str, key: str, options: Sequence[str], default: Sequence[str], shown: Callable[[str], str],
                at_most: int, help_text: str) -> list[str]:
    """Draw a multiselect; its values are kept in the URL, separated by commas."""
    def known(values: str | None) -> list[str]:
        return [value for value in (values or "").split(",") if value in options][:at_most]
    on_page = st.session_state.get(key)
    st.session_state[key] = known(_linked(key)) or (
        known(",".join(on_page)) if on_page is not None
        else known(st.session_state.get(_memo_key(key))) or list(default))
    values = [str(value) for value in st.multiselect(label, options, key=key, max_selections=at_most, help=help_text,
                                                     format_func=lambda option: escape_invisible(shown(option)),
                                                     on_change=_mark_changed, args=(key,))]
    _write_url(key, ",".join(values))
    return values


def text_input(label: str, key: str, placeholder: str, help_text: str | None = None, hidden: bool = False) -> str:
    """Draw a text field; its value is kept in the URL under `key`, unless it is empty.

    Args:
        hidden: show only the placeholder; the label is for screen readers.
    """
    st.session_state[key] = next((value for value in _candidates(key) if value is not None), "")
    value = str(st.text_input(label, key=key, placeholder=placeholder, help=help_text, max_chars=1000,
                              label_visibility="collapsed" if hidden else "visible",
                              on_change=_mark_changed, args=(key,)) or "").strip()
    _write_url(key, value)
    return value


def mark_in_view(key: str, items: Sequence[str], table: str, column: str, first: int = 0,
                 count: int | None = None) -> None:
    """Select the row of the item in view in its table, which is drawn next, unless a person has just selected another.

    The row in view is then marked; and a table with a selection keeps it when Tab moves the focus there, where one
    without would select its first row.

    Args:
        key: of the item in the URL.
        items: all of them.
        table: key of the table.
        column: the column whose cell is selected.
        first: position of the table's first row among all items.
        count: number of rows of the table; by default all items.
    """
    rows, state = len(items) if count is None else count, st.session_state.get(table)
    selected, shown = elements.selected_row(state, rows, first), _in_view(key)
    at = items.index(shown) if shown in items else 0
    person = state is not None and selected != st.session_state.get(_selection_key(key))
    if not person and at != selected and 0 <= at - first < rows and not (state and state["selection"]["rows"]):
        st.session_state[table] = {"selection": {"rows": [], "columns": [], "cells": [(at - first, column)]}}
        st.session_state[_selection_key(key)] = at


def browse(key: str, items: Sequence[str], selected: int | None) -> int:
    """The position of the item in view: just selected in a table, stepped to, given by a link, or else the first.

    Args:
        selected: the table's selected row, which counts when it has changed; None without a selection.
    """
    if selected is not None and selected != st.session_state.get(_selection_key(key)):
        go_to(key, items[selected])
    st.session_state[_selection_key(key)] = selected
    shown = _in_view(key)
    return items.index(shown) if shown in items else 0


def go_to(key: str, item: str) -> None:
    """Show an item that a person has chosen, and write it to the URL."""
    st.session_state[_memo_key(key)] = item
    st.query_params[key] = item


def step_buttons(key: str, items: Sequence[str], at: int, what: str) -> None:
    """Draw buttons to the previous and the next item, which the keys k and j press too; and the position."""
    with st.container(horizontal=True, vertical_alignment="center"):
        for label, icon, to, letter in (("Previous", ":material/arrow_upward:", at - 1, "k"),
                                        ("Next", ":material/arrow_downward:", at + 1, "j")):
            inside = 0 <= to < len(items)
            st.button(label, icon=icon, key=f"{key} {label}", disabled=not inside, shortcut=letter, on_click=go_to,
                      args=(key, items[to if inside else at]))
        st.caption(f"{what} {at + 1:,} of {len(items):,}", width="content")


def window_start(key: str, items: Sequence[str], size: int) -> int:
    """The position of the first item of the window, of `size` items, that has the item in view."""
    shown = _in_view(key)
    return (items.index(shown) if shown in items else 0) // size * size


def window_buttons(key: str, items: Sequence[str], size: int) -> None:
    """Draw pagination over the windows, if there are several; another window puts its first item in view."""
    pages = -(-len(items) // size)
    if pages > 1:
        st.session_state[f"{key} window"] = window_start(key, items, size) // size + 1
        st.pagination(pages, key=f"{key} window", on_change=_turn_to, args=(key, items, size))


def _turn_to(key: str, items: Sequence[str], size: int) -> None:
    go_to(key, items[(int(st.session_state[f"{key} window"]) - 1) * size])


def page(key: str, count: int, size: int) -> int:
    """Draw pagination over `count` rows, `size` per page, if needed; returns the offset of the page's first row."""
    pages = max(1, -(-count // size))
    requested = next((str(value) for value in _candidates(key) if str(value or "").isdecimal()), "1")
    st.session_state[key] = min(pages, max(1, int(requested[:9])))
    at = st.pagination(pages, key=key, on_change=_mark_changed, args=(key,)) if pages > 1 else 1
    _write_url(key, str(at) if at > 1 else "")
    return (at - 1) * size


def named_runs() -> list[str]:
    """Ids of the runs in a link or the session, given as run or as cycles; some may not exist."""
    one, cycles = run_in_view(), _in_view("cycles")
    named = [one, *(cycle.rpartition(":")[0] for cycle in cycles.split(",")[:_MAX_NAMED])]
    return list(dict.fromkeys(filter(None, named)))


def run_in_view() -> str:
    """Id of the run in the link or last shown in this session; empty if there is none."""
    return _in_view("run")


def choose_run(runs: Sequence[Run], default: Run | None, label: str = "Run") -> Run:
    """Draw the run selection of a page; returns the run. `runs` must not be empty.

    Where a link names a run that is not in the store, the page says so and ends here until a run is chosen.
    """
    by_id, zone = {run.id: run for run in runs}, elements.zone()
    linked = _linked("run")
    if linked is not None and linked not in by_id:
        _choose_instead_of(linked, by_id, label)
    chosen = choose(label, "run", list(by_id), default.id if default else None,
                    lambda run: labels.run_label(by_id[run], zone), labels.RUN_HELP)
    return by_id[chosen]


def _choose_instead_of(unknown: str, by_id: Mapping[str, Run], label: str) -> None:
    """Draw that the link's run is unknown, with a selection without a default; end the page until a run is chosen."""
    zone = elements.zone()
    elements.plain_text(f"This store has no run {unknown!r}: it was deleted, or the link is of another store.")
    chosen = st.selectbox(label, list(by_id), index=None, key="instead of an unknown run",
                          format_func=lambda run: labels.run_label(by_id[run], zone), help=labels.RUN_HELP,
                          placeholder="Choose a run")
    if chosen is None:
        st.stop()
    st.session_state["run"] = chosen
    st.query_params["run"] = chosen
    st.rerun()


def _in_view(key: str) -> str:
    """The link's value, or the one last shown in this session; empty if there is neither."""
    return str(st.query_params.get(key) or st.session_state.get(_memo_key(key)) or "")


def _candidates(key: str) -> tuple[Any, ...]:
    """Possible initial values of a widget, by precedence: the link's, its own, and its value when last drawn."""
    return _linked(key), st.session_state.get(key), st.session_state.get(_memo_key(key))


def _linked(key: str) -> str | None:
    """The value in the URL, unless this session wrote it."""
    linked = st.query_params.get(key)
    return linked if linked != st.session_state.get(_memo_key(key)) else None


def _mark_changed(key: str) -> None:
    """Note that a person changed the widget: its value is written to the URL."""
    st.session_state[_changed_key(key)] = True


def _write_url(key: str, value: str) -> None:
    """Keep the value for other pages; write it to the URL if a person changed it here, or the URL has another one."""
    st.session_state[_memo_key(key)] = value
    changed = st.session_state.pop(_changed_key(key), False)
    if value and (changed or key in st.query_params):
        if st.query_params.get(key) != value:
            st.query_params[key] = value
    elif not value:
        st.query_params.pop(key, None)


def _memo_key(key: str) -> str:
    """Session key that keeps a widget's value while other pages are shown."""
    return f"url {key}"


def _selection_key(key: str) -> str:
    """Session key of the row that was selected when the table was last drawn."""
    return f"url selection {key}"


def _changed_key(key: str) -> str:
    """Session key that marks a widget as changed by a person since the page was last drawn."""
    return f"url changed {key}"
