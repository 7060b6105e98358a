"""The launch form's fields for several seeds and several values of one setting, which launch a group of runs."""

from __future__ import annotations

import streamlit as st

from dashboard.view_models.sweep_request import SweepChoice, settings_to_vary

_NONE = ""


def sweep_fields(titled: bool = True, drawn: bool = True) -> SweepChoice:
    """Draw the fields, under a title if `titled`; one seed and no setting that varies launch a single run.

    Args:
        titled: whether they have a title.
        drawn: whether they are drawn; else the choice is as the form has it.
    """
    if not drawn:
        kept = {name: st.session_state.get(f"launch {name}") or "" for name in ("seeds", "varied", "varied values",
                                                                                 "group")}
        return SweepChoice(kept["seeds"].strip(), bool(st.session_state.get("launch draws")), kept["varied"],
                           kept["varied values"].strip() if kept["varied"] else "", kept["group"].strip())
    settings = settings_to_vary()
    if titled:
        st.markdown("**Several seeds and settings**")
    seeds = str(st.text_input("Training seeds", key="launch seeds", placeholder="one run", max_chars=200,
                              help="How many (3), a range (1-20) or a list (1,5,9). Each is a run with the same test "
                              "and training questions. From 3 on the interval is over seeds too."))
    draws = st.checkbox("Each seed draws its own training questions", key="launch draws", disabled=not seeds.strip(),
                        help="The test stays the same.")
    varied = st.selectbox("Setting to vary", [_NONE, *settings], key="launch varied",
                          format_func=lambda name: settings[name].label if name else "none",
                          help="Every value is trained with every seed. What decides the test cannot vary.")
    values = str(st.text_input("Its values", key="launch varied values", placeholder="with commas between",
                               max_chars=500, disabled=not varied)) if varied else ""
    group = str(st.text_input("Group name", key="launch group", placeholder="named by its plan", max_chars=64,
                              help="The same plan and name continue a group: no run is queued twice."))
    return SweepChoice(seeds.strip(), draws, str(varied or ""), values.strip(), group.strip())
