"""Panels of the page Compare: configuration differences, scores with intervals, topics, time."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from dashboard.access import cached_queries
from dashboard.figures.before_after import before_after, paired_change
from dashboard.figures.stage_durations import stage_durations
from dashboard.figures.topic_heatmap import topic_heatmap
from dashboard.session import url_state
from dashboard.style import labels
from dashboard.view_models import cycle_selection, run_selection
from dashboard.view_models.cycle_selection import SelectedCycle
from dashboard.widgets import elements
from store import queries
from store.database import Store
from store.queries import ChangeRow, Run

TOPIC_PAIRS = 3
"""Fewest scored questions of a topic that is drawn."""


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
        st.warning("These runs were tested on different held-out sets: compare their changes, not their levels. In "
                   "the chart a dashed line divides them.", icon=":material/warning:")
    st.subheader("Configuration differences")
    rows = cycle_selection.differences_by_label(runs)
    if len(runs) == 1:
        st.caption("These are cycles of one run: the configuration is the same.")
    elif rows:
        elements.static_table(rows)  # whole, because a list of control arms is longer than a cell
        elements.export_buttons(rows, "settings-that-differ", "differences")
    else:
        st.caption("None: the configurations are equal.")


def judged(store: Store, picked: Sequence[SelectedCycle], metric: str) -> None:
    """Draw a warning if the chosen cycles were scored by different judges."""
    found = {run.id: cached_queries.judges_of_record(store, run, cycles, metric)
             for run, cycles in cycle_selection.cycles_by_run(picked)}
    judges = {name: found[item.run.id][item.cycle]
              for name, item in zip(cycle_selection.labels(picked), picked, strict=True)}
    if len({names for names in judges.values() if names}) > 1:
        st.warning("These cycles were scored by different judges, which may explain differences between them.",
                   icon=":material/gavel:")
        elements.plain_text("\n".join(f"{name}: {', '.join(map(labels.judge, names)) or labels.DASH}"
                                      for name, names in judges.items()))


def wins(picked: Sequence[SelectedCycle], metric: str, tier: str) -> None:
    """Draw how many answers of each cycle got better and worse than the untrained student's, with links to them."""
    for name, item in zip(cycle_selection.labels(picked), picked, strict=True):
        if row := item.row(metric, tier):
            with st.container(horizontal=True, vertical_alignment="center"):
                elements.plain_text(f"{labels.heading(name)} vs. untrained: {labels.wins(row)} "
                                    f"({labels.coverage(row.scored, row.asked)})")
                st.page_link("app_pages/answers.py", label=labels.answers_link(row.losses),
                             icon=":material/compare:",
                             query_params={"run": item.run.id, "cycle": str(item.cycle), "tier": tier,
                                           "metric": metric, "question": url_state.FIRST})


def scores(picked: Sequence[SelectedCycle], metric: str, tier: str) -> None:
    """Draw scores before and after training, the paired change, and a table of all metrics and tiers."""
    names = cycle_selection.labels(picked)
    known = [(at, row) for at, item in enumerate(picked) if (row := item.row(metric, tier))]
    rows, shown = [row for _, row in known], [labels.heading(names[at]) for at, _ in known]
    groups = cycle_selection.same_test([picked[at] for at, _ in known], tier)
    left, right = elements.two_columns()
    with left:
        elements.html_chart(before_after, "Before and after, by chosen cycle", rows, metric, shown, groups)
    with right:
        elements.html_chart(paired_change, "Paired change, by chosen cycle", rows, metric, shown)
    rows_of_table = table(picked, tier)
    elements.data_table(rows_of_table, height=min(320, 36 * len(rows_of_table) + 40),
                        column_config={"metric": st.column_config.TextColumn(width=180)})


def table(picked: Sequence[SelectedCycle], tier: str) -> list[dict[str, object]]:
    """Rows of all metrics on one kind of question, the headline first; one column for each chosen cycle."""
    changes = [row for item in picked for row in item.changes if row.tier == tier and not row.topic]
    return [{"metric": labels.metric(metric), **{name: _score(item.row(metric, tier)) for name, item in zip(
        cycle_selection.labels(picked), picked, strict=True)}}
        for metric in run_selection.metrics_in(changes, picked[0].run.config.headline)]


def _score(row: ChangeRow | None) -> str:
    """Score after training, the change with its interval, and the verdict's sign."""
    if row is None or row.tuned is None:
        return labels.DASH
    return (f"{labels.number(row.tuned)} ({labels.verdict(row.verdict).sign} {labels.change(row.change)}, "
            f"{labels.change_interval(row, row.metric)})")


def topics(picked: Sequence[SelectedCycle], metric: str, tier: str) -> None:
    """Draw the change by topic and cycle, if the comparison was made by topic."""
    names = cycle_selection.labels(picked)
    columns = [(name, run_selection.by_topic(item.changes, metric, tier))
               for name, item in zip(names, picked, strict=True)]
    st.subheader("Topics")
    enough = {row.topic for _, rows in columns for row in rows if row.scored >= TOPIC_PAIRS}
    columns = [(name, [row for row in rows if row.topic in enough]) for name, rows in columns]
    if enough:
        elements.chart(topic_heatmap, "topics", "Change by topic and cycle, with the number of pairs", columns, metric)
        st.caption("Change of the mean and number of pairs. Green is better, red is worse.")
    else:
        st.caption(f"No topic has {TOPIC_PAIRS} questions or more that were scored before and after.")


def time_taken(store: Store, picked: Sequence[SelectedCycle]) -> None:
    """Draw the stage durations of each chosen cycle."""
    columns = [(name, [stage for stage in queries.stages_of(store, item.run.id) if stage.cycle == item.cycle])
               for name, item in zip(cycle_selection.labels(picked), picked, strict=True)]
    titles = {row.stage: row.title for item in picked for row in item.run.flow}
    st.subheader("Time by stage")
    if any(stage.seconds for _, stages in columns for stage in stages):
        elements.html_chart(stage_durations, "Duration of the stages, by cycle", columns, titles)
    else:
        st.caption("No stage of these cycles has finished.")
