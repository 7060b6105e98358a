"""The form to add a schedule. The command that stores it validates the values again."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from dashboard.access import store_commands
from dashboard.session import identity
from dashboard.view_models import schedule_settings
from dashboard.view_models.schedule_settings import CRON, EVERY, UNITS
from dashboard.widgets import elements
from store.commands import schedules
from store.commands.recurrence import Recurrence, timing_errors
from store.formatting import escape_invisible
from store.queries import Run
from store.run_config import RunConfig


def schedule_form(runs: Sequence[Run]) -> None:
    """Draw the form: name, timing, settings and a preview of the next due times."""
    settings = schedule_settings.repeatable_configs(runs)
    with st.container(border=True):
        left, right = elements.two_columns()
        with left:
            name = st.text_input("Name", key="schedule name", placeholder="nightly", max_chars=64,
                                 help="Unique name; its runs are named after it.")
            chosen = st.selectbox("Settings", list(settings), key="schedule settings", format_func=escape_invisible,
                                  help="A preset, or the settings of an earlier run.")
        with right:
            timing = _timing()
        skip = st.checkbox("Skip while an earlier run of it is queued or active", value=True, key="schedule skip",
                           help="Off: the new run is queued behind the earlier one.")
        errors = timing_errors(timing)
        if errors:
            elements.plain_text("\n".join(errors))
        else:
            st.caption("Due next: " + ", ".join(elements.local_time(due) for due in schedule_settings.preview(timing)))
        if st.button("Add schedule", type="primary", icon=":material/event_repeat:", key="schedule add",
                     disabled=bool(errors)):
            _add(name.strip(), timing, settings[chosen], skip)


def _timing() -> Recurrence:
    kind = st.segmented_control("When", [EVERY, CRON], default=EVERY, key="schedule kind", required=True,
                                help="Every few minutes, hours or days from now; or at fixed times by a cron "
                                     "expression.",
                                format_func=lambda one: "At an interval" if one == EVERY else "At a time (cron)")
    if kind == CRON:
        cron = st.text_input("Cron expression", "0 2 * * mon-fri", key="schedule cron",
                             help="Minute, hour, day of month, month, day of week.")
        zone = st.selectbox("Time zone", schedule_settings.zones(), key="schedule zone",
                            help="Time zone of the cron expression; daylight saving time is applied.")
        return schedule_settings.recurrence_from(CRON, 0, "days", cron, zone)
    left, right = st.columns(2)
    count = left.number_input("Every", 1, 1000, 1, key="schedule count")
    unit = right.selectbox("Unit", list(UNITS), 2, key="schedule unit")
    return schedule_settings.recurrence_from(EVERY, int(count), unit, "", "UTC")


def _add(name: str, timing: Recurrence, config: RunConfig, skip: bool) -> None:
    person = identity.current_user()
    if store_commands._execute(lambda store: schedules.add(store, name, timing, config, person.name, skip,
                                                           role=person.role)):
        st.rerun()
