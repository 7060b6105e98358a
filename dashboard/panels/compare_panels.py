"""Panels of the page Compare: configuration differences, scores with intervals, topics, questions, time."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from dashboard.access import cached_queries
from dashboard.figures.before_after import before_after, paired_change
from dashboard.figures.sorted_changes import sorted_changes
from dashboard.figures.stage_durations import stage_durations
from dashboard.figures.topic_heatmap import topic_heatmap
from dashboard.style import labels
from dashboard.view_models import cycle_selection, run_selection
from dashboard.view_models.cycle_selection import SelectedCycle
from dashboard.widgets import elements
from store import queries
from store.database import Store
from store.queries import Run


def cycle_picker(store: Store, runs: Sequence[Run], chosen: Sequence[str]) -> list[SelectedCycle]:
    """Load the chosen cycles with their changes, in the order of selection."""
    by_id = {run.id: run for run in runs}
    picked = []
    for key in chosen:
        run, _, cycle = key.rpartition(":")
        rows = tuple(row for row in cached_queries.changes(store, by_id[run]) if row.cycle == int(cycle))
        picked.append(SelectedCycle(by_id[run], int(cycle), rows))
    return picked


def configuration(picked: Sequence[SelectedCycle]) -> None:
    """Draw the settings that differ, with a warning if the held-out sets differ."""
    runs = list({item.run.id: item.run for item in picked}.values())
    if cycle_selection.held_out_set_names(picked) > 1:
        st.warning("These runs were tested on different held-out sets: compare their changes, not their levels. Charts "
                   "do not connect them.", icon=":material/warning:")
    st.subheader("Configuration differences")
    rows = cycle_selection.differences(runs)
    if len(runs) == 1:
        st.caption("These are cycles of one run: the configuration is the same.")
    elif rows:
        elements.table(rows, "settings-that-differ", "differences")
    else:
        st.caption("None: the configurations are equal.")


def judged(store: Store, picked: Sequence[SelectedCycle], metric: str) -> None:
    """Draw a warning if the chosen cycles were scored by different judges."""
    judges = {name: cached_queries.judges_of_record(store, item.run, item.cycle).get(metric, ())
              for name, item in zip(cycle_selection.labels(picked), picked, strict=True)}
    if len({names for names in judges.values() if names}) > 1:
        st.warning("These cycles were scored by different judges, which may explain differences between them. Charts "
                   "do not connect them.", icon=":material/gavel:")
        elements.plain_text("\n".join(f"{name}: {', '.join(map(labels.judge, names)) or labels.DASH}"
                                      for name, names in judges.items()))


def per_question(store: Store, picked: Sequence[SelectedCycle], metric: str, tier: str) -> None:
    """Draw each question's change, sorted within its cycle, with wins, losses and a link to the worst regressions."""
    columns = [(name, [pair for pair in cached_queries.answers(store, item.run, item.cycle) if pair.tier == tier])
               for name, item in zip(cycle_selection.labels(picked), picked, strict=True)]
    st.subheader("Per-question change")
    if not any(pair.change(metric) is not None for _, pairs in columns for pair in pairs):
        st.caption("No question of this kind was scored both before and after training.")
        return
    elements.chart(sorted_changes, "per question compared", "Change of each question, sorted, by cycle", columns,
                   metric)
    for name, item in zip(cycle_selection.labels(picked), picked, strict=True):
        if row := item.row(metric, tier):
            with st.container(horizontal=True, vertical_alignment="center"):
                elements.plain_text(f"{labels.heading(name)}: {labels.wins(row)} "
                                    f"({labels.coverage(row.scored, row.asked)})")
                st.page_link("app_pages/answers.py", label="Worst regressions", icon=":material/compare:",
                             query_params={"run": item.run.id, "cycle": str(item.cycle), "tier": tier,
                                           "metric": metric})


def scores(picked: Sequence[SelectedCycle], metric: str, tier: str) -> None:
    """Draw scores before and after training, the paired change, and a table of all metrics and tiers."""
    names = cycle_selection.labels(picked)
    known = [(at, row) for at, item in enumerate(picked) if (row := item.row(metric, tier))]
    rows, shown = [row for _, row in known], [names[at] for at, _ in known]
    groups = cycle_selection.same_test([picked[at] for at, _ in known], tier)
    left, right = elements.two_columns()
    with left:
        elements.chart(before_after, "compare scores", "Before and after, by chosen cycle", rows, metric, shown, groups)
    with right:
        elements.chart(paired_change, "compare change", "Paired change, by chosen cycle", rows, metric, shown)
    elements.data_table(table(picked), height=320, column_config={
        "metric": st.column_config.TextColumn(width=160)} | {
        name: st.column_config.NumberColumn(format=form)
        for name, form in (("before", "%.3f"), ("after", "%.3f"), ("change", "%+.3f"))})


def table(picked: Sequence[SelectedCycle]) -> list[dict[str, object]]:
    """Rows of all scores of all chosen cycles, over all topics."""
    return [{"cycle": name, "metric": labels.metric_short(row.metric), "questions": labels.tier_short(row.tier),
             "before": row.baseline, "after": row.tuned, "change": row.change,
             "95% interval": labels.interval(row.low, row.high),
             "verdict": f"{labels.verdict(row.verdict).sign} {labels.verdict(row.verdict).label}",
             "pairs": labels.coverage(row.scored, row.asked)}
            for name, item in zip(cycle_selection.labels(picked), picked, strict=True)
            for row in item.changes if not row.topic]


def topics(picked: Sequence[SelectedCycle], metric: str, tier: str) -> None:
    """Draw the change by topic and cycle, if the comparison was made by topic."""
    names = cycle_selection.labels(picked)
    columns = [(name, run_selection.by_topic(item.changes, metric, tier)) for name,
               item in zip(names, picked, strict=True)]
    st.subheader("Topics")
    if any(rows for _, rows in columns):
        elements.chart(topic_heatmap, "topics", "Change by topic and cycle, with the number of pairs", columns, metric)
        st.caption("Change of the mean and number of pairs. Orange is better, blue is worse.")
    else:
        st.caption("These cycles were not compared by topic.")


def time_taken(store: Store, picked: Sequence[SelectedCycle]) -> None:
    """Draw the stage durations of each chosen cycle."""
    columns = [(name, [stage for stage in queries.stages_of(store, item.run.id) if stage.cycle == item.cycle])
               for name, item in zip(cycle_selection.labels(picked), picked, strict=True)]
    titles = {row.stage: row.title for item in picked for row in item.run.flow}
    st.subheader("Time by stage")
    if any(stage.seconds for _, stages in columns for stage in stages):
        elements.chart(stage_durations, "durations", "Duration of the stages, by cycle", columns, titles)
    else:
        st.caption("No stage of these cycles has finished.")
