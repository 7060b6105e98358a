"""Work around a Streamlit race: redraw the page when a sidebar fragment reruns for the previous one.

A rerun of a sidebar fragment (timer or click) carries the page that the browser shows. If it is sent while another page
is loading, it carries the previous page, and is answered after the new page was drawn: the browser then clears the new
page, because the answer belongs to another one, and draws the fragment alone. The page stays empty, and raises an error
as soon as one of its fragments reruns.
"""

from __future__ import annotations

import streamlit as st
from streamlit.navigation.page import StreamlitPage
from streamlit.runtime.scriptrunner import get_script_run_ctx

_PAGE, _NAMED, _QUERY = "page shown", "page shown is named", "query of the page shown"


def set_current_page(page: StreamlitPage) -> None:
    """Remember the page of a full rerun, and its query parameters."""
    st.session_state.update({_PAGE: page, _NAMED: _page_title(), _QUERY: st.query_params.to_dict()})


def redraw_if_stale() -> None:
    """Call at the end of a sidebar fragment: if it ran for another page than the one shown, redraw that page.

    The page keeps its query parameters: without them `/live?run=...` would become `/live`, and show another run later.
    """
    if _PAGE not in st.session_state:
        return
    if _page_title() == st.session_state[_NAMED]:
        st.session_state[_QUERY] = st.query_params.to_dict()
    else:
        st.switch_page(st.session_state[_PAGE], query_params=st.session_state[_QUERY])


def _page_title() -> str | None:
    """Hash of the page for which this rerun was requested."""
    context = get_script_run_ctx()
    return context.page_script_hash if context else None
