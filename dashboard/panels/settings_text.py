"""The launch form's settings as YAML: to take along, and to paste from a note or another person."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from dashboard.panels import knowledge_fields
from dashboard.view_models import launch_request, settings_yaml
from dashboard.widgets import elements
from store.costs.prices import price_fault
from store.run_config import InvalidConfig

_PASTED, _FAULTS = "settings pasted", "settings faults"


def settings_text(preset: str, values: Mapping[str, Any]) -> None:
    """Draw a popover with the form's settings as YAML, and a field to paste others."""
    with st.popover("Settings as YAML", icon=":material/data_object:", type="tertiary"):
        try:
            st.code(settings_yaml.written(launch_request.config_from(preset, values)), language="yaml")
        except InvalidConfig as error:
            st.caption("The form has errors, or the price file does:")
            known = price_fault()  # the page says it already
            elements.plain_text("\n".join(f"• {fault}" for fault in error.errors if fault != known))
        st.text_area("Paste settings", key=_PASTED, max_chars=settings_yaml.MOST_CHARACTERS, height=140,
                     help="Settings by name, such as cycles: 3. What is not named keeps the preset's value.")
        st.button("Use these settings", icon=":material/edit_note:", key="use settings", on_click=_use)
        if faults := st.session_state.get(_FAULTS):
            elements.plain_text("\n".join(f"• {fault}" for fault in faults))


def _use() -> None:
    """Fill the form with the pasted settings, or keep the reasons why they cannot be used."""
    try:
        config = settings_yaml.read(st.session_state[_PASTED])
    except InvalidConfig as error:
        st.session_state[_FAULTS] = error.errors
        return
    st.session_state[_FAULTS] = []
    st.session_state.update(launch_request.form_state(config, knowledge_fields.FOLDER))
