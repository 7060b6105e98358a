"""Two to six cycles of any runs beside each other: settings, scores, topics, time."""

from __future__ import annotations

import streamlit as st

from dashboard import address, comparing, export, findings, opening, showing, text
from dashboard.panels import comparison, tuned_together
from store import queries

AT_MOST = 6

st.title("Compare cycles")
store, runs = opening.runs_or_stop()
compared = queries.compared_cycles(store)
names = {comparing.key_of(run.id, cycle): f"{run.name or run.id} · cycle {cycle}"
         for run in runs for cycle in compared.get(run.id, ())}
if len(names) < 2:
    showing.empty("There is nothing to compare yet: it takes two cycles that were evaluated.")
    st.stop()

chosen = address.choose_many("Cycles to compare (two to six)", "cycles", list(names),
                             comparing.first_choice(runs, compared, AT_MOST), names.__getitem__, AT_MOST,
                             "Cycles of any runs, in the order in which they are to stand. Type to search by name.")
if len(chosen) < 2:
    showing.empty("Choose at least two cycles.")
    st.stop()

picked = comparison.pick(store, runs, chosen)
comparison.configuration(picked)
changes = [row for item in picked for row in item.changes]
left, right = st.columns(2)
with left:
    metrics = findings.metrics_in(changes, picked[0].run.config.headline)
    metric = address.choose("Metric", "metric", metrics, metrics[0], text.metric, text.METRIC_HELP)
with right:
    tier = address.choose("Questions", "tier", findings.tiers_in(changes), findings.HEADLINE_TIER, text.tier,
                          text.tier_help())
st.subheader("Scores")
comparison.judged(store, picked, metric)
comparison.scores(picked, metric, tier)
showing.take_along(export.change_rows(changes), "comparison", "comparison")
tuned_together.tuned_against_tuned(store, picked)
comparison.topics(picked, metric, tier)
comparison.per_question(store, picked, metric, tier)
tuned_together.control_arms(store, picked, metric)
comparison.time_taken(store, picked)
