"""Forecast the launch form's run before it is paid for: queue its pilots, then register what they say."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import streamlit as st

from dashboard.access import cached_queries, store_access, store_commands
from dashboard.style import labels
from dashboard.view_models import launch_request
from dashboard.widgets import elements
from store import queries
from store.analysis.gain_forecast import advice, forecast_run, forecast_sentences
from store.analysis.pilot_notes import pilot_notes
from store.database import Store, StoreError
from store.pilot_runs import plan_pilots
from store.queries import Run
from store.run_config import InvalidConfig, RunConfig
from store.statistics import CannotForecast
from store.sweep import SweepPlan


def forecast_form(preset: str, values: dict[str, Any], several: bool) -> None:
    """Draw the expander; nothing while the form is invalid, or for someone who may not launch.

    Args:
        preset: the form's preset.
        values: its values.
        several: whether it asks for a group of runs, of which there is no forecast.
    """
    if not store_commands.is_allowed("launch"):
        return
    with st.expander("Forecast before spending", icon=":material/query_stats:", key="launch-forecast"):
        if several:
            st.caption("A forecast is about one run: leave seeds and values out.")
            return
        try:
            config = launch_request.config_from(preset, values)
        except InvalidConfig:
            st.caption("The form has a value that cannot be used: correct it first.")
            return
        try:
            plan = plan_pilots(config)
            store = store_access.read_store()
            pilots = _pilots(store, plan) if store else []
            if store and len(pilots) == len(plan.configs):
                _pilots_there(store, config, plan, pilots)
            else:
                _before(store, config, plan)
        except InvalidConfig as error:
            elements.plain_text("\n".join(error.errors))
        except (CannotForecast, StoreError) as error:
            elements.plain_text(f"No forecast: {error}.")


def _pilots(store: Store, plan: SweepPlan) -> list[Run]:
    """Return the runs of a plan that are there, in its order."""
    runs = queries.runs_of_group(store, plan.group)
    return [run for config in plan.configs for run in runs if run.config == config]


def _before(store: Store | None, config: RunConfig, plan: SweepPlan) -> None:
    if store:
        past = cached_queries.past_stage_durations(store)
        costs = cached_queries.costs(store, sorted({row.run for row in past}))
        elements.plain_text("\n\n".join(pilot_notes(config, plan, past, costs)))
    if st.button(f"Run {labels.count(len(plan.configs), 'pilot')}", icon=":material/query_stats:", key="run pilots",
                 help="Queues three small runs of these settings. When they have finished, the forecast stands here.") \
            and (first := store_commands.launch_group(plan)):
        st.switch_page("app_pages/live.py", query_params={"run": first})


def _pilots_there(store: Store, config: RunConfig, plan: SweepPlan, pilots: Sequence[Run]) -> None:
    if waiting := [run for run in pilots if run.work != "finished"]:
        works = ", ".join(f"{count} {labels.work(work).label.lower()}"
                          for work, count in Counter(run.work for run in waiting).items())
        st.caption(f"{len(pilots) - len(waiting)} of {labels.count(len(pilots), 'pilot')} finished; {works}. The "
                   "forecast stands here when all have.")
        st.page_link("app_pages/live.py", label="Show the first that has not", icon=":material/monitor_heart:",
                     query_params={"run": waiting[0].id})
        return
    forecast = forecast_run(store, config, pilots, plan.group)
    elements.plain_text(labels.signed("\n\n".join(forecast_sentences(forecast))))
    if st.button("Register this forecast", icon=":material/bookmark_added:", key="register forecast",
                 help="Queues the run paused, with this forecast on record; its end scores it. You decide whether it "
                      "is resumed or cancelled.") \
            and (run := store_commands.register_forecast(config, forecast, advice(forecast))):
        st.switch_page("app_pages/overview.py", query_params={"run": run})
