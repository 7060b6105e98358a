"""Panels of the page Compare: paired comparison of the fine-tuned students on one test, and the control arms."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import streamlit as st

from dashboard.access import cached_queries
from dashboard.style import labels
from dashboard.view_models import cycle_selection, export_rows
from dashboard.view_models import control_arms as arm_rows
from dashboard.view_models.cycle_selection import SelectedCycle
from dashboard.widgets import elements
from store.analysis.run_comparison import NotComparable, PairedComparison, compare_pairwise, sides
from store.control_arms import TUNED
from store.database import Store
from store.queries.openings_of_test import NO_WINNER, openings_of_test, openings_sentence
from store.run_config import HELD_OUT


def run_comparison(store: Store, picked: Sequence[SelectedCycle]) -> None:
    """Draw the paired comparison of each fine-tuned student with the first one, or why they cannot be paired."""
    first, *_ = names = cycle_selection.labels(picked)
    st.subheader("Head-to-head")
    name_of = dict(zip((cycle_selection.key_of(item.run.id, item.cycle) for item in picked), names, strict=True))
    paired, refused = cached_queries.run_comparison(store, [(item.run, item.cycle) for item in picked])
    differing = {one.other for one in paired if one.found.change}
    identical = _identical(store, picked[0], [item for item in picked[1:] if cycle_selection.key_of(
        item.run.id, item.cycle) not in differing])
    for key, count in identical.items():
        elements.plain_text(f"{labels.heading(name_of[key])} vs. {first}: identical answers to all {count} questions.")
    paired = [one for one in paired if one.other not in identical]
    if paired:
        elements.plain_text(f"Each fine-tuned student vs. {first}, on the same test questions.")
        rows = [_row(one, name_of) for one in paired]
        elements.data_table(rows, height=min(320, 36 * len(rows) + 40),
                            column_config={"metric": st.column_config.TextColumn(width=160)})
        elements.export_buttons(lambda: exported(store, picked, identical), "tuned-against-tuned", "beside")
        first_run = picked[0].run
        st.caption(f"{openings_sentence(openings_of_test(store, first_run), first_run.config)} {NO_WINNER}")
    for reason in dict.fromkeys(_refusal(one, name_of) for one in refused):
        elements.plain_text(reason)


def exported(store: Store, picked: Sequence[SelectedCycle], left_out: Collection[str]) -> list[dict[str, Any]]:
    """The rows of the table with bootstrap, Wilcoxon's test and effect size, which take most of the time."""
    first, *others = sides(store, [(item.run, item.cycle) for item in picked])
    paired, _ = compare_pairwise(first, others)
    return export_rows.run_comparison_rows([one for one in paired if one.other not in left_out])


def _identical(store: Store, first: SelectedCycle, others: Sequence[SelectedCycle]) -> dict[str, int]:
    """The other cycles whose test answers are word for word those of the first one, with the number of questions."""
    if not others:
        return {}
    expected, *answers = [{question: answer.text for question, answer in cached_queries.scored_answers(
        store, item.run, item.cycle, TUNED, HELD_OUT, item.run.config.headline).items()} for item in (first, *others)]
    return {cycle_selection.key_of(item.run.id, item.cycle): len(expected)
            for item, given in zip(others, answers, strict=True)
            if given == expected and any(text is not None for text in expected.values())}


def control_arms(store: Store, picked: Sequence[SelectedCycle], metric: str) -> None:
    """Draw the control arms of the chosen runs by one metric; nothing if no run has any."""
    runs = {item.run.id: item.run for item in picked}
    rows = [{"run": run.title, **row} for run in runs.values()
            for row in arm_rows.table(cached_queries.arms(store, run).changes, metric)]
    if rows:
        st.subheader("Control arms (baselines)")
        st.caption(labels.ARMS_NOTE)
        elements.data_table(rows)
        elements.export_buttons(rows, "control-arms", "arms compared")


def _row(one: PairedComparison, name_of: dict[str, str]) -> dict[str, str]:
    found, verdict = one.found, labels.verdict(one.verdict)
    return {"cycle": name_of[one.other], "metric": labels.metric_short(one.metric),
            "first cycle": labels.number(found.baseline, 3), "this cycle": labels.number(found.tuned, 3),
            "change": labels.change(found.change, 3), "95% interval": labels.change_interval(found, one.metric),
            "verdict": f"{verdict.sign} {verdict.label}",
            "pairs": labels.coverage(found.scored, found.asked), "judge": labels.judge(one.judge)}


def _refusal(one: NotComparable, name_of: dict[str, str]) -> str:
    by = f" by {labels.metric(one.metric)}" if one.metric else ""
    reason = one.reason.replace("name one set for both with --held-out-set",
                                "launch both with the same shared test set, under Advanced")
    return f"{name_of[one.other]} vs. {name_of[one.one]}{by}: not paired, because {reason}."
