"""Draws the page again that a late answer took off the screen.

A timer or a click in the sidebar names the page that the browser shows. Sent while another page is on its way, it names
the one before, and is answered when the new page stands: the browser then clears that, because the answer is another
page's, and the fragment draws itself alone. What stays is an empty page, and an error once a fragment of it ticks.
"""

from __future__ import annotations

import streamlit as st
from streamlit.navigation.page import StreamlitPage
from streamlit.runtime.scriptrunner import get_script_run_ctx

_PAGE, _NAMED = "page shown", "page shown is named"


def set_current_page(page: StreamlitPage) -> None:
    """The whole app is drawn, with this page."""
    st.session_state.update({_PAGE: page, _NAMED: _page_title()})


def redraw_if_stale() -> None:
    """At the end of a fragment of the sidebar: where it ran for another page than the one shown, draw that again."""
    if _PAGE in st.session_state and _page_title() != st.session_state[_NAMED]:
        st.switch_page(st.session_state[_PAGE])


def _page_title() -> str | None:
    """The page for which this run was asked."""
    context = get_script_run_ctx()
    return context.page_script_hash if context else None
