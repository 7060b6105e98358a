"""Result for a stakeholder: did distillation work? The verdict, its evidence and its limitations."""

from __future__ import annotations

import streamlit as st

from dashboard.access import cached_queries, store_access
from dashboard.figures.before_after import before_after, paired_change
from dashboard.panels import (
    control_arms, forecast, group, judge_validation, metric_notes, study_set, teacher_replacement, verdict,
    ways_to_answer,
)
from dashboard.panels.learning import learning
from dashboard.panels.people_and_judges import people_and_judges
from dashboard.panels.run_facts import failure, run_facts
from dashboard.session import url_state
from dashboard.style import labels
from dashboard.view_models import export_rows, run_selection
from dashboard.widgets import elements
from store import queries
from store.analysis.required_sample_size import larger_test
from store.analysis.step_choice import step_sentences
from store.costs.model_shutdowns import shutdowns
from store.costs.prices import price_fault
from store.queries.openings_of_test import openings_of_test, openings_sentence

elements.page_title("Did the student learn?", "The result of one run: the verdict, its evidence and its limits.")
store, runs = store_access.runs_or_stop("overview")
with st.container(horizontal=True, vertical_alignment="bottom"):
    run = url_state.choose_run(runs, run_selection.newest_finished(runs))
    verdict.evidence_pack(store, run)
cycles = queries.cycles_of(store, run.id)
changes = cached_queries.changes(store, run)
used = cached_queries.usage(store, run)
for _, shutdown in () if price_fault() else shutdowns(run.config):
    st.caption(f":material/event_busy: {shutdown.sentence()}.")
decides = run_selection.latest(changes, run.config.headline, run.config.headline_tier)
judge_used = queries.teacher_usage(store, [run.id], "judge").get(run.id) if run.config.judge else None
verdict.verdict_card(run, cycles, decides, used, larger_test(run.config, decides, used, judge_used))
failure(run)
forecast.forecast_of_run(store, run)
group.group_of_run(store, run)
if not changes:
    run_facts(run, cycles, queries.success_rate(store, run.id), used)
    elements.empty_state(labels.ENDED_WITHOUT_SCORES if run.ended_at else labels.NO_SCORES)
    st.page_link("app_pages/live.py", label="Open in Live" if run.ended_at else "Monitor this run",
                 icon=":material/monitor_heart:", query_params={"run": run.id})
    st.stop()

judged = cached_queries.judges(store, run)
judge_validation.headline_warning(judged.trials, run.config.headline)
verdict.cycle_notes(cycles)
control_arms.reading(store, run)
if all(row.tuned is None for row in changes):
    run_facts(run, cycles, queries.success_rate(store, run.id), used)
    pairs = cached_queries.answers(store, run, cycles[-1].cycle)
    verdict.not_tuned(pairs, run_selection.tiers_in(changes))
    control_arms.control_arms(store, run, run.config.headline)
    metric_notes.metric_notes(run_selection.metrics_in(changes, run.config.headline))
    st.stop()

metrics = run_selection.metrics_in(changes, run.config.headline)
tested = run_selection.latest(changes, run.config.headline, run.config.headline_tier)
shown = tested.cycle if tested else cycles[-1].cycle  # with a development split, the chosen cycle alone has the test
left, right = st.columns(2)
with left:
    metric = url_state.choose("Metric", "metric", metrics, run.config.headline, labels.metric, labels.METRIC_HELP)
with right:
    tier = url_state.choose("Questions", "tier", run_selection.tiers_in(changes), run.config.headline_tier,
                            labels.tier,
                            labels.tier_help())
rows = run_selection.over_cycles(changes, metric, tier)
if not rows:
    st.caption(labels.NOT_ON_TIER)
left, right = elements.two_columns()
with left:
    elements.html_chart(before_after, "Before and after training, by cycle", rows, metric)
with right:
    elements.html_chart(paired_change, "Paired change with its 95% interval, by cycle", rows, metric)
metric_notes.wins_line(run, run_selection.latest(changes, metric, tier), metric, tier)
if len(rows) > 1:
    together = run_selection.cycles_corrected(changes, metric, tier)
    st.caption(labels.SEVERAL_CYCLES + (f" {together.sentence}" if together else ""))

teacher_replacement.replacement(store, run)
teacher_replacement.shares(store, run, metric)
ways_to_answer.quality_speed_cost(store, run, metric)
run_facts(run, cycles, queries.success_rate(store, run.id), used)
st.subheader("All metrics")
verdict.key_numbers(changes, metrics, tier,
                    {audit.metric for audit in judged.trials if audit.questions and not audit.passed})
# What is folded is sent when it is opened: it stands far below the first screen, and a new browser draws it slowly.
if part := elements.unfolded("Confidence intervals and significance tests", "intervals folded", ":material/table:"):
    with part:
        verdict.coverage_line(changes, metrics, tier)
        elements.export_buttons(export_rows.change_rows(changes), f"changes-{run.id}", "changes")

study_set.study_set(store, run)
best = cached_queries.best(store, run) if len(rows) > 1 else None
verdict.caveats([
    *filter(None, [openings_sentence(openings_of_test(store, run), run.config)]),
    *([best.sentence] if best else []), *step_sentences(cycles),
    *judge_validation.cut_off_note(cached_queries.truncated_answers(store, run, shown, tier)),
    *([] if "binding" in metrics else [labels.NO_BINDING]), *verdict.notes(run),
    *cached_queries.questions_written(store, run)])

if part := elements.unfolded("Learning curve", "learning folded", ":material/show_chart:"):
    with part:
        learning(store, run, changes, metrics, metric)
# What stands in the other tabs is sent when they are chosen: a new browser would draw it before the first screen.
arms_tab, judges_tab, metrics_tab = st.tabs(["Control arms", "Judges", "Metric definitions"], key="overview tab",
                                            on_change="rerun")
with arms_tab:
    if not control_arms.control_arms(store, run, metric):
        st.caption(labels.ARMS_TO_COME if run.config.arms and run.active else labels.NO_ARMS)
if judges_tab.open:
    with judges_tab:
        judge_validation.judge_validation(judged.trials)
        for judging, rejudged_changes, audits in judged.again:
            judge_validation.rejudged(judging, rejudged_changes, changes, audits)
        if ratings := cached_queries.ratings(store, run):
            people_and_judges(cached_queries.answers(store, run, shown), ratings, shown, metrics)
if metrics_tab.open:
    with metrics_tab:
        metric_notes.metric_notes(metrics)
        metric_notes.choice_baselines([pair for pair in cached_queries.answers(store, run, shown)
                                       if pair.tier == run.config.headline_tier])
