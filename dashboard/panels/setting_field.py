"""The launch form's widget for one setting, with its label, help, bounds and choices from the configuration's field."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import streamlit as st

from dashboard.view_models.launch_request import field_key
from store.config_metadata import Setting
from store.run_config import RunConfig


def setting_field(setting: Setting, start: RunConfig, disabled: bool = False,
                  recipe: Mapping[str, Any] = MappingProxyType({}), drawn: bool = True) -> Any:
    """Draw the widget that fits the setting's kind and return its value.

    Args:
        start: has the initial value.
        recipe: initial values that follow from other fields of the form.
        drawn: whether the widget is drawn; else its value is returned as the form has it.
    """
    value = recipe.get(setting.name, getattr(start, setting.name))
    if not drawn:
        initial = (value or "") if setting.kind is str else list(value) if setting.kind is tuple else value
        return st.session_state.get(field_key(start.preset, setting.name, recipe), initial)
    common: dict[str, Any] = {"key": field_key(start.preset, setting.name, recipe), "help": setting.help,
                              "disabled": disabled}
    if setting.kind is tuple:
        return st.multiselect(setting.label, list(setting.choices or value), list(value), placeholder=setting.empty,
                              format_func=lambda choice: setting.choices.get(choice, choice),
                              accept_new_options=not setting.choices, **common)
    if setting.choices:
        return st.selectbox(setting.label, list(setting.choices), list(setting.choices).index(value),
                            format_func=lambda choice: setting.choices[choice], **common)
    if setting.kind is bool:
        return (st.toggle if setting.form == "main" else st.checkbox)(setting.label, value, **common)
    if setting.kind in (int, float):
        return _number(setting, value, common)
    return st.text_input(setting.label, value or "", max_chars=setting.max_chars, placeholder=setting.empty or None,
                         **common)


def _number(setting: Setting, value: float | None, common: dict[str, Any]) -> Any:
    """A slider where the setting has a range for one and the value lies in it, else a number field.

    Without a range any value from 0 up.
    """
    kind: Any = setting.kind
    step: Any = setting.step if kind is float else 1
    shown = st.session_state.get(common["key"], value)  # of another run, perhaps, whose settings were copied
    slider = setting.slider if setting.slider and shown is not None and shown <= setting.slider[1] else None
    low, high = (None if end is None else kind(end) for end in slider or setting.range or (0, None))
    if slider:
        return st.slider(setting.label, low, high, value, step, **common)
    decimals = "%d" if kind is int else "%.2e" if step and step < 0.001 else "%.2f"
    field: Any = st.number_input  # its overloads for int and float cannot be told apart by a kind known at run time
    return field(setting.label, low, high, value, step, format=decimals, placeholder=setting.empty or None, **common)
