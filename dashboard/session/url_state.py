"""Choices that stand in the URL, so that a page can be linked to: run, cycle, tier, metric, knowledge.

A link wins over what was chosen before in the same session; a value that is no option falls back to the default.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import streamlit as st

from dashboard.style import labels
from dashboard.widgets import elements
from store.formatting import escape_invisible
from store.queries import Run

_MAX_NAMED = 6


def choose(label: str, key: str, options: Sequence[str], default: str | None = None,
           shown: Callable[[str], str] = str, help_text: str | None = None, buttons: bool = False) -> str:
    """A select box or a row of buttons; its value stands in the URL under `key`. There must be at least one option.

    Args:
        buttons: a row of buttons, which say by themselves what they are: their label is for screen readers.
    """
    fallback = default if default is not None and default in options else options[0]
    # Always assigned: a widget of the same key on another page is another widget, and would begin at its first option.
    st.session_state[key] = next((value for value in _candidates(key) if value in options), fallback)
    if buttons:
        value = str(st.segmented_control(label, options, key=key, format_func=shown, help=help_text, required=True,
                                         label_visibility="collapsed"))
    else:
        value = str(st.selectbox(label, options, key=key, format_func=lambda option: escape_invisible(shown(option)),
                                 help=help_text))
    _write_url(key, value)
    return value


def choose_many(label: str, key: str, options: Sequence[str], default: Sequence[str], shown: Callable[[str], str],
                at_most: int, help_text: str) -> list[str]:
    """A multiple choice whose values stand in the URL, separated by commas."""
    def known(values: str | None) -> list[str]:
        return [value for value in (values or "").split(",") if value in options][:at_most]
    on_page = st.session_state.get(key)
    st.session_state[key] = known(_linked(key)) or (
        known(",".join(on_page)) if on_page is not None
        else known(st.session_state.get(_memo_key(key))) or list(default))
    values = [str(value) for value in st.multiselect(label, options, key=key, max_selections=at_most, help=help_text,
                                                     format_func=lambda option: escape_invisible(shown(option)))]
    _write_url(key, ",".join(values))
    return values


def text_input(label: str, key: str, placeholder: str, help_text: str | None = None, hidden: bool = False) -> str:
    """A text field whose value stands in the URL under `key`; an empty one leaves nothing there.

    Args:
        hidden: the placeholder says what it is; the label is for screen readers.
    """
    st.session_state[key] = next((value for value in _candidates(key) if value is not None), "")
    value = str(st.text_input(label, key=key, placeholder=placeholder, help=help_text, max_chars=1000,
                              label_visibility="collapsed" if hidden else "visible") or "").strip()
    _write_url(key, value)
    return value


def selected_row(key: str, selected: str | None) -> str | None:
    """What was selected in a table, which then stands in the URL; else what a link names that came from elsewhere."""
    if selected is None and (linked := _linked(key)) is not None:
        return linked
    _write_url(key, selected or "")
    return selected


def page(key: str, count: int, size: int) -> int:
    """Which page of so many things is shown, `size` on each: the place of its first. One page has no buttons."""
    pages = max(1, -(-count // size))
    asked = next((str(value) for value in _candidates(key) if str(value or "").isdecimal()), "1")
    st.session_state[key] = min(pages, max(1, int(asked[:9])))
    at = st.pagination(pages, key=key) if pages > 1 else 1
    _write_url(key, str(at) if at > 1 else "")
    return (at - 1) * size


def named_runs() -> list[str]:
    """The runs that a link names, or that were chosen before, by themselves or by their cycles; some may be gone."""
    one, cycles = (str(st.query_params.get(key) or st.session_state.get(_memo_key(key)) or "")
                   for key in ("run", "cycles"))
    named = [one, *(cycle.rpartition(":")[0] for cycle in cycles.split(",")[:_MAX_NAMED])]
    return list(dict.fromkeys(filter(None, named)))


def choose_run(runs: Sequence[Run], default: Run | None, label: str = "Run") -> Run:
    """The run that a page is about. There must be at least one run."""
    by_id, zone = {run.id: run for run in runs}, elements.zone()
    chosen = choose(label, "run", list(by_id), default.id if default else None,
                    lambda run: labels.run_label(by_id[run], zone), labels.RUN_HELP)
    return by_id[chosen]


def _candidates(key: str) -> tuple[Any, ...]:
    """What a widget may begin with, in this order: a link's, its own, and what it had when it was last on a page."""
    return _linked(key), st.session_state.get(key), st.session_state.get(_memo_key(key))


def _linked(key: str) -> str | None:
    """What the URL asks for, unless it is only what this session wrote into it itself."""
    linked = st.query_params.get(key)
    return linked if linked != st.session_state.get(_memo_key(key)) else None


def _write_url(key: str, value: str) -> None:
    st.session_state[_memo_key(key)] = value
    if value:
        st.query_params[key] = value
    else:
        st.query_params.pop(key, None)


def _memo_key(key: str) -> str:
    """Where a choice is kept while the person is on pages without its widget."""
    return f"url {key}"
