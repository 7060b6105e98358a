"""Panels of a group of runs: its verdict over questions and seeds, each seed, and what is in no number."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from dashboard.access import cached_queries, store_commands
from dashboard.figures.group_seeds import group_seeds
from dashboard.style import labels
from dashboard.view_models import export_rows
from dashboard.widgets import elements
from store.analysis.group_result import BETWEEN_NOTE, Combination, GroupChange, GroupResult, counts
from store.analysis.settings_choice import CannotChoose, choose_settings, dev_scores
from store.database import Store
from store.program_name import NAME
from store.queries import Run
from store.queries.openings_of_test import openings_of_test, openings_sentence
from store.statistics import MIN_SEEDS
from store.sweep import seeds_sentence

_LEFT_OUT_SHOWN = 6
"""Runs that are named for each reason."""


def group_of_run(store: Store, run: Run) -> None:
    """Draw the group of a run by its headline: the verdict over questions and seeds; nothing for a run of its own."""
    result = cached_queries.group_result(store, run.group) if run.group else None
    one = result.of_run(run.id) if result else None
    if result is None or one is None:
        return
    with st.container(border=True):
        headline = one.headline
        st.markdown(_heading(result, one))
        elements.plain_text(_title(result, one))
        if headline and headline.found.pooled.change is not None:
            style = labels.verdict(headline.verdict)
            st.markdown(f"{style.sign} **{style.label}** over {labels.count(len(one.pooled), 'seed')}"
                        if headline.found.seeds_in else f"{style.sign} **{style.label}** over questions alone")
            _tiles(one, headline)
            elements.chart(group_seeds, f"group seeds {run.group}", "Change of each seed, and their mean with its 95% "
                           "interval", [one], headline.metric, headline.tier)
        _reading_notes(one)
        if one.config.hold_test:
            _choose(store, run.group)
        st.page_link("app_pages/compare.py", label="All combinations and metrics of this group",
                     icon=":material/stacked_bar_chart:", query_params={"group": run.group})


def group_comparison(store: Store, name: str, metric: str, tier: str, result: GroupResult) -> None:
    """Draw every combination of settings of a group by one metric, and each compared with the first."""
    elements.chart(group_seeds, "group seeds", "Change of each seed, and their mean with its 95% interval, for every "
                   "combination of settings", list(result.combinations), metric, tier)
    rows = [_row(one, change) for one in result.combinations if (change := one.change(tier, metric)) is not None]
    if rows:
        elements.data_table(rows)
        elements.export_buttons(export_rows.group_rows(result), f"group-{name}", "group")
    for one in result.combinations:
        elements.plain_text(f"{one.label}: {counts(one)}.")
        _left_out(one)
    for seeds in sorted({len(one.pooled) for one in result.combinations if 0 < len(one.pooled) < MIN_SEEDS}):
        st.caption(f"With {labels.count(seeds, 'seed')}: {seeds_sentence(seeds)}")
    development_scores(store, name, result)
    between = cached_queries.group_differences(store, name, metric)
    if between:
        st.subheader("Against the first combination")
        elements.plain_text(f"Fine-tuned students with other settings against those with {between[0].one}, on the same "
                            "questions.")
        elements.data_table([
            {"settings": row.other, "change": labels.change(row.found.pooled.change, 3),
             "95% interval": labels.interval(row.found.pooled.low, row.found.pooled.high),
             "interval over": "questions and seeds" if row.found.seeds_in else "questions alone",
             "verdict": f"{labels.verdict(row.verdict).sign} {labels.verdict(row.verdict).label}"} for row in between])
        if len(between) > 1:
            st.caption(BETWEEN_NOTE)


def development_scores(store: Store, name: str, result: GroupResult) -> None:
    """Draw the scores that settings are chosen by, and how often the group's test was answered."""
    scores = dev_scores(store, result)
    if scores:
        st.subheader("Settings by their development questions")
        elements.data_table([{"settings": one.combination.label, "runs": len(one.kept),
                              f"mean {labels.metric_within(one.combination.config.headline)}":
                                  labels.number(one.value, 3)} for one in scores])
        _choose(store, name)
    tested = next((run for one in result.combinations for run in one.pooled), None)
    if tested and (sentence := openings_sentence(openings_of_test(store, tested), tested.config)):
        st.caption(sentence)


def _choose(store: Store, name: str) -> None:
    """Draw the button that chooses the settings by these scores, what was chosen, or why nothing can be yet."""
    try:
        choice = choose_settings(store, name)
    except CannotChoose as error:
        elements.plain_text(f"{str(error)[0].upper()}{str(error)[1:]}.")
        return
    elements.plain_text(f"{'Chosen' if choice.made_before else 'To be chosen'}: {choice.sentence()}")
    if choice.made_before or not store_commands.is_allowed("launch"):
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        if st.button("Choose these settings", icon=":material/rule:", key=f"choose {name}",
                     help="Only runs with these settings go on to answer the test; those of the others end without.") \
                and store_commands.open_test(choice.chosen.run_ids, choice.other_ids, choice.event(name)):
            st.rerun()
        with st.popover("Command", icon=":material/terminal:"):
            st.code(f"{NAME} choose {name}", language="bash", wrap_lines=True)


def _heading(result: GroupResult, one: Combination) -> str:
    if len(result.combinations) > 1:
        return "**Group: runs with these settings and other seeds**"
    return f"**Group: {labels.count(len(one.pooled), 'seed')}**" if one.pooled else "**Group: no result yet**"


def _title(result: GroupResult, one: Combination) -> str:
    of = f"{one.label}; " if len(result.combinations) > 1 else ""
    return f"{result.name}: {of}{counts(one)}."


def _tiles(one: Combination, change: GroupChange) -> None:
    found = change.found
    tiles = [("Mean change", labels.change(found.pooled.change), "Mean over the seeds, on the headline test."),
             ("95% interval", labels.interval(found.pooled.low, found.pooled.high),
              "Of the mean change, for other questions and other trainings." if found.seeds_in else
              "Of the mean change, for other questions; other trainings are not in it."),
             ("Between seeds", labels.number(found.spread), "Standard deviation of the seeds' mean changes."),
             ("Seeds", str(len(one.pooled)), "Trainings with a result on the same test."),
             ("Questions", labels.coverage(found.pooled.scored, found.pooled.asked),
              "Questions with both scores in every run.")]
    with st.grid(5, gap="small", min_column_width=135):
        for label, value, help_text in tiles:
            st.metric(label, value, help=help_text)


def _reading_notes(one: Combination) -> None:
    """Say what the interval covers and which runs are in no number."""
    if one.pooled:
        st.caption(seeds_sentence(len(one.pooled)))
    if not one.same_practice:
        st.caption("The seeds drew different practice questions: that is part of the spread between them.")
    _left_out(one)


def _left_out(one: Combination) -> None:
    for sentence in one.not_pooled:
        elements.plain_text(sentence)
    titles: dict[str, list[str]] = {}
    for left in one.left_out:
        titles.setdefault(left.reason, []).append(left.title)
    for reason, named in titles.items():
        more = len(named) - _LEFT_OUT_SHOWN
        elements.plain_text(f"Left out, {reason}: {'; '.join(named[:_LEFT_OUT_SHOWN])}"
                            + (f"; and {more} more." if more > 0 else "."))


def _row(one: Combination, change: GroupChange) -> dict[str, object]:
    found, verdict = change.found, labels.verdict(change.verdict)
    return {"settings": one.label, "seeds": len(one.pooled), "before": labels.number(found.pooled.baseline, 3),
            "after": labels.number(found.pooled.tuned, 3), "change": labels.change(found.pooled.change, 3),
            "95% interval": labels.interval(found.pooled.low, found.pooled.high),
            "interval over": "questions and seeds" if found.seeds_in else "questions alone",
            "between seeds (SD)": labels.number(found.spread, 3),
            "pairs": labels.coverage(found.pooled.scored, found.pooled.asked),
            "verdict": f"{verdict.sign} {verdict.label}"}


def metrics_and_tiers(result: GroupResult) -> tuple[Sequence[str], Sequence[str]]:
    """Return the metrics and the tiers that a group has results of, the headline's first."""
    config = result.combinations[0].config
    changes = [change for one in result.combinations for change in one.changes]
    metrics = dict.fromkeys([change.metric for change in changes])
    tiers = dict.fromkeys([change.tier for change in changes])
    return (sorted(metrics, key=lambda name: name != config.headline),
            sorted(tiers, key=lambda name: name != config.headline_tier))
