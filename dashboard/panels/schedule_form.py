"""The form for a recurring run. What it sends is checked again where it is written."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from dashboard import asking, planning, showing, who
from dashboard.planning import CRON, EVERY, UNITS
from store import schedules
from store.config import RunConfig
from store.queries import Run
from store.timetable import Timing, timing_errors
from store.wording import visible


def form(runs: Sequence[Run]) -> None:
    """Name, timing and settings; adding is one click."""
    settings = planning.settings(runs)
    with st.container(border=True):
        left, right = st.columns(2)
        with left:
            name = st.text_input("Name", key="schedule name", placeholder="nightly", max_chars=64,
                                 help="How its runs are told from others; no two schedules share one.")
            chosen = st.selectbox("Settings", list(settings), key="schedule settings", format_func=visible,
                                  help="A preset as it is, or everything as in a run of before.")
            skip = st.checkbox("Skip when one of its runs is still waiting or at work", value=True,
                               key="schedule skip", help="Off: the new run waits in the queue behind the other.")
        with right:
            timing = _timing()
        errors = timing_errors(timing)
        if errors:
            showing.plain("\n".join(errors))
        else:
            st.caption("Due next: " + ", ".join(showing.moment(due) for due in planning.preview(timing)))
        if st.button("Add the schedule", type="primary", icon=":material/event_repeat:", key="schedule add",
                     disabled=bool(errors)):
            _add(name.strip(), timing, settings[chosen], skip)


def _timing() -> Timing:
    kind = st.segmented_control("When", [EVERY, CRON], default=EVERY, key="schedule kind", required=True,
                                help="Every so many minutes, hours or days from now; or at set times, by a cron line.",
                                format_func=lambda one: "At an interval" if one == EVERY else "At a time (cron)")
    if kind == CRON:
        cron = st.text_input("Cron line", "0 2 * * mon-fri", key="schedule cron",
                             help="Minute, hour, day of month, month, day of week.")
        zone = st.selectbox("Time zone", planning.zones(), key="schedule zone",
                            help="What 'two at night' means; summer time is followed.")
        return planning.timing_from(CRON, 0, "days", cron, zone)
    left, right = st.columns(2)
    count = left.number_input("Every", 1, 1000, 1, key="schedule count")
    unit = right.selectbox("Unit", list(UNITS), 2, key="schedule unit")
    return planning.timing_from(EVERY, int(count), unit, "", "UTC")


def _add(name: str, timing: Timing, config: RunConfig, skip: bool) -> None:
    person = who.looking()
    if asking.asked(lambda store: schedules.add(store, name, timing, config, person.name, skip, role=person.role)):
        st.rerun()
