"""The fields of the launch form that ask for control arms and for the curve along the training."""

from __future__ import annotations

from typing import Any

import streamlit as st

from store.config import RunConfig
from store.control_arms import ARMS, PLACEBO, TUNED_RETRIEVAL


def control_arm_fields(start: RunConfig, fine_tune: bool) -> dict[str, Any]:
    """A checkbox for each arm; those that need an adapter are out where nothing is trained."""
    def key(field: str) -> str:
        return f"launch {start.preset} {field}"
    needless = () if fine_tune else (TUNED_RETRIEVAL, PLACEBO)
    chosen = [arm.name for arm in ARMS.values()
              if st.checkbox(arm.title, arm.name in start.arms, key=key(f"arm {arm.name}"),
                             help=f"{arm.how} {arm.description}", disabled=arm.name in needless)]
    curve = st.checkbox("Curve along the training", start.learning_curve, key=key("learning_curve"),
                        disabled=not fine_tune, help="The held-out test is weighed after 25 and 50% of each cycle's "
                        "steps too; no answer is generated for it.")
    return {"arms": tuple(arm for arm in chosen if arm not in needless), "learning_curve": curve and fine_tune}
