"""Keep a person's draft of the launch form in the server's memory, so that it survives a reload of the page."""

from __future__ import annotations

from typing import Any

import streamlit as st

from dashboard.session import identity
from store.paths import default_paths

_PREFIX = "launch "
_NOT_FIELDS = ("launch token",)
_RESTORED = "form draft restored"


def restore() -> None:
    """Take the draft over into a new session; later calls in the session do nothing."""
    if st.session_state.get(_RESTORED):
        return
    st.session_state[_RESTORED] = True
    for key, value in _drafts(default_paths().store_url).get(identity.current_user().name, {}).items():
        st.session_state.setdefault(key, value)


def keep() -> None:
    """Keep the fields as they are now."""
    _drafts(default_paths().store_url)[identity.current_user().name] = {
        str(key): value for key, value in st.session_state.items()
        if str(key).startswith(_PREFIX) and key not in _NOT_FIELDS}


@st.cache_resource(max_entries=8, show_spinner=False)
def _drafts(url: str) -> dict[str, dict[str, Any]]:
    """The drafts by user, for one store."""
    return {}


def clear() -> None:
    """Forget every draft."""
    _drafts.clear()
