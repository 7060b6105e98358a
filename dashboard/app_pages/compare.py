"""Compare two to six cycles of any runs: configuration, scores, answers side by side, topics, time."""

from __future__ import annotations

import streamlit as st

from dashboard.access import cached_queries, store_access
from dashboard.panels import compare_panels, group, run_comparison
from dashboard.panels.answers_across import answers_across
from dashboard.panels.compared_exports import compared_exports
from dashboard.session import url_state
from dashboard.style import labels
from dashboard.view_models import cycle_selection, export_rows, run_selection
from dashboard.widgets import elements
from store import queries

AT_MOST = 6

elements.page_title("Compare cycles",
                    "Two to six cycles of any runs on the same questions: settings, scores, answers, time.")
store, runs = store_access.runs_or_stop("compare")
if groups := queries.group_sizes(store):
    name = url_state.choose("Group of runs", "group", ["", *groups], "",
                            lambda one: f"{one} ({labels.count(groups[one].runs, 'run')})" if one else
                            "none: single cycles", labels.GROUP_HELP)
    if result := cached_queries.group_result(store, name) if name else None:
        metrics, tiers = group.metrics_and_tiers(result)
        if not metrics:
            elements.empty_state("No run of this group has answered its test yet.")
            group.development_scores(store, name, result)
            st.stop()
        left, right = st.columns(2)
        with left:
            metric = url_state.choose("Metric", "metric", metrics, metrics[0], labels.metric, labels.METRIC_HELP)
        with right:
            tier = url_state.choose("Questions", "tier", tiers, tiers[0], labels.tier, labels.tier_help())
        group.group_comparison(store, name, metric, tier, result)
        st.stop()
compared = queries.compared_cycles(store)
names = cycle_selection.names_of(runs, compared)
if len(names) < 2:
    elements.empty_state("Nothing to compare yet: a comparison needs two evaluated cycles.", "new_run")
    st.stop()

first = cycle_selection.first_choice(runs, compared, AT_MOST, url_state.run_in_view())
chosen = url_state.choose_many("Cycles to compare (two to six)", "cycles", list(names), first, names.__getitem__,
                               AT_MOST, "Cycles of any runs, shown in the order of selection. Type to search by name.")
if len(chosen) < 2:
    elements.empty_state("Choose at least two cycles.")
    st.stop()

picked = compare_panels.cycle_picker(store, runs, chosen)
compare_panels.configuration(picked)
changes = [row for item in picked for row in item.changes]
left, right = st.columns(2)
with left:
    metrics = run_selection.metrics_in(changes, picked[0].run.config.headline)
    metric = url_state.choose("Metric", "metric", metrics, metrics[0], labels.metric, labels.METRIC_HELP)
with right:
    tier = url_state.choose("Questions", "tier", run_selection.tiers_in(changes), picked[0].run.config.headline_tier,
                            labels.tier,
                            labels.tier_help())
st.subheader("Scores")
compare_panels.judged(store, picked, metric)
compare_panels.scores(picked, metric, tier)
compare_panels.wins(picked, metric, tier)
elements.export_buttons(lambda: export_rows.change_rows(changes), "comparison", "comparison")
answers_across(store, picked, metric, tier)
run_comparison.run_comparison(store, picked)
compare_panels.topics(picked, metric, tier)
run_comparison.control_arms(store, picked, metric)
compared_exports(store, picked, metric)
compare_panels.time_taken(store, picked)
