"""Keep a person's draft of the launch form in the server's memory, so that it survives a reload of the page.

A copy of the session's own survives what Streamlit forgets on the way: every field, when a script switches the page.
"""

from __future__ import annotations

from typing import Any

import streamlit as st

from dashboard.session import identity
from store.paths import default_paths

_PREFIX = "launch "
_NOT_FIELDS = ("launch token",)
_OWN = "form draft"


def restore() -> None:
    """Give each field without a value that of the session's own draft, and in a new session that of the person."""
    draft = st.session_state.get(_OWN)
    if draft is None:
        draft = _drafts(default_paths().store_url).get(identity.current_user().name, {})
    for key, value in draft.items():
        st.session_state.setdefault(key, value)


def keep() -> None:
    """Keep the fields as they are now."""
    fields = {str(key): value for key, value in st.session_state.items()
              if str(key).startswith(_PREFIX) and key not in _NOT_FIELDS}
    _drafts(default_paths().store_url)[identity.current_user().name] = st.session_state[_OWN] = fields


@st.cache_resource(max_entries=8, show_spinner=False)
def _drafts(url: str) -> dict[str, dict[str, Any]]:
    """The drafts by user, for one store."""
    return {}


def clear() -> None:
    """Forget every draft."""
    _drafts.clear()
