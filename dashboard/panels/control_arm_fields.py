"""The launch form's fields for control arms and for the evaluation of intermediate checkpoints."""

from __future__ import annotations

import contextlib

import streamlit as st

from dashboard.panels.knowledge_fields import FormContext
from dashboard.panels.setting_field import setting_field
from dashboard.view_models.launch_request import field_key
from store.config_metadata import Setting
from store.control_arms import ARMS, PLACEBO, TUNED_RETRIEVAL, ControlArm


def arms_field(setting: Setting, context: FormContext) -> tuple[str, ...]:
    """Draw a checkbox for each control arm; those that need an adapter are disabled without fine-tuning."""
    impossible = () if context.values["fine_tune"] else (TUNED_RETRIEVAL, PLACEBO)
    with st.container(horizontal=True) if context.drawn else contextlib.nullcontext():
        chosen = [arm.name for arm in ARMS.values() if _is_chosen(arm, context, arm.name in impossible)]
    return tuple(arm for arm in chosen if arm not in impossible)


def _is_chosen(arm: ControlArm, context: FormContext, disabled: bool) -> bool:
    key, initial = field_key(context.start.preset, f"arm {arm.name}"), arm.name in context.start.arms
    if not context.drawn:
        return bool(st.session_state.get(key, initial))
    return st.checkbox(arm.title, initial, disabled=disabled, key=key, help=f"{arm.how} {arm.description}")


def learning_curve_field(setting: Setting, context: FormContext) -> bool:
    """Draw the checkbox for intermediate checkpoints; disabled without fine-tuning, which makes them."""
    fine_tune = bool(context.values["fine_tune"])
    return setting_field(setting, context.start, disabled=not fine_tune, drawn=context.drawn) and fine_tune
