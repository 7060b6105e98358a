"""For a stakeholder: did distillation work? The verdict, what it rests on, and what it cannot say."""

from __future__ import annotations

import streamlit as st

from dashboard import address, export, findings, opening, remembered, showing, text
from dashboard.figures.before_after import before_after, paired_change
from dashboard.figures.learning import learning_curve
from dashboard.panels import control_arms, judges, measures, verdict
from dashboard.panels.run_facts import failure, run_facts
from store import queries

st.title("Did the student learn?")
store, runs = opening.runs_or_stop()
with st.container(horizontal=True, vertical_alignment="bottom"):
    run = address.choose_run(runs, findings.newest_finished(runs))
    verdict.evidence_pack(store, run)
cycles = queries.cycles_of(store, run.id)
changes = remembered.changes(store, run)
used = remembered.usage(store, run)
verdict.verdict_card(run, cycles, findings.latest(changes, run.config.headline), used)
if run.work == "failed":
    failure(run)
if not changes:
    run_facts(run, cycles, queries.success_rate(store, run.id), used)
    showing.empty(text.ENDED_WITHOUT_SCORES if run.ended_at else text.NO_SCORES)
    st.page_link("app_pages/live.py", label="Open it on Live" if run.ended_at else "Follow this run",
                 icon=":material/monitor_heart:", query_params={"run": run.id})
    st.stop()

judged = remembered.judges(store, run)
judges.headline_warning(judged.trials, run.config.headline)
verdict.cycle_notes(cycles)
if all(row.tuned is None for row in changes):
    run_facts(run, cycles, queries.success_rate(store, run.id), used)
    pairs = remembered.answers(store, run, cycles[-1].cycle)
    verdict.not_tuned(pairs, findings.tiers_in(changes))
    control_arms.control_arms(store, run, run.config.headline)
    measures.what_they_say(findings.metrics_in(changes, run.config.headline))
    st.stop()

metrics = findings.metrics_in(changes, run.config.headline)
left, right = st.columns(2)
with left:
    metric = address.choose("Metric", "metric", metrics, run.config.headline, text.metric, text.METRIC_HELP)
with right:
    tier = address.choose("Questions", "tier", findings.tiers_in(changes), findings.HEADLINE_TIER, text.tier,
                          text.tier_help())
rows = findings.over_cycles(changes, metric, tier)
left, right = showing.halves()
with left:
    showing.chart(before_after, "before and after", "Before and after training, by cycle", rows, metric)
with right:
    showing.chart(paired_change, "paired change", "Paired change with its 95% interval, by cycle", rows, metric)
measures.wins_line(run, findings.latest(changes, metric, tier), metric, tier)
if len(rows) > 1:
    together = findings.cycles_together(changes, metric, tier)
    st.caption(text.SEVERAL_CYCLES + (f" {together.sentence}" if together else ""))
    if best := remembered.best(store, run):
        st.caption(best.sentence)

run_facts(run, cycles, queries.success_rate(store, run.id), used)
st.subheader("Every metric")
verdict.key_numbers(changes, metrics, tier)
judges.cut_off_line(remembered.answers(store, run, cycles[-1].cycle), tier)
with st.expander("Intervals, pairs and tests", icon=":material/table:"):
    verdict.coverage_line(changes, metrics, tier)
    showing.take_along(export.change_rows(changes), f"changes-{run.id}", "changes")

verdict.notes(run)

learned, arms, believed, said = st.tabs(["Learning curve", "Control arms", "Judges", "What the metrics say"])
with learned:
    showing.chart(learning_curve, "learning curve", "Every metric over the cycles", changes, metrics)
    control_arms.curve_along_training(store, run)
    verdict.memorisation(changes)
with arms:
    if not control_arms.control_arms(store, run, metric):
        st.caption(text.ARMS_TO_COME if run.config.arms and run.active else text.NO_ARMS)
with believed:
    judges.trials(judged.trials)
    for judging, by_it, trials in judged.again:
        judges.judged_again(judging, by_it, changes, trials)
with said:
    measures.what_they_say(metrics)
