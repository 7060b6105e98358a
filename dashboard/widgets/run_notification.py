"""A button that turns on browser notifications, and one notification when the watched run has ended.

Off until a person presses the button and the browser allows it. The page has to be open, in any tab: it is the page
that notices the end.
"""

from __future__ import annotations

from pathlib import Path

import streamlit as st

_CSS = """
button { font: inherit; font-size: 0.875rem; min-height: 2.5rem; padding: 0.25rem 0.75rem; cursor: pointer;
         border-radius: var(--st-base-radius); border: 1px solid var(--st-border-color);
         color: var(--st-text-color); background: var(--st-background-color); }
button[disabled] { cursor: not-allowed; }
button:focus-visible { outline: 2px solid var(--st-primary-color); outline-offset: 2px; }
"""
_component = st.components.v2.component(
    "run_notification", html='<button type="button" hidden></button>', css=_CSS,
    js=Path(__file__).with_suffix(".js").read_text(encoding="utf-8"))


def run_notification(run: str, active: bool, title: str, body: str) -> None:
    """Draw the button while the run is active; notify when it has ended, if the button was pressed.

    Args:
        run: id of the run.
        active: whether it has not ended.
        title: heading of the notification, plain text.
        body: what it says, plain text.
    """
    _component(key="run notification", data={"run": run, "active": active, "title": title, "body": body},
               width="content", height="content")
