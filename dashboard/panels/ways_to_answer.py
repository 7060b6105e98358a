"""Quality, speed and cost of everybody who could answer: teacher, students, verified exports."""

from __future__ import annotations

import dataclasses

import streamlit as st

from dashboard.access import cached_queries
from dashboard.figures.quality_against_cost import quality_against_cost
from dashboard.style import labels
from dashboard.widgets import elements
from store.analysis.ways_to_answer import WayToAnswer
from store.database import Store
from store.queries import Run


def quality_speed_cost(store: Store, run: Run, metric: str) -> None:
    """Draw the table and, once the machine has a price, the chart; nothing before a student was scored."""
    if not cached_queries.ways_to_answer(store, run, metric, None):
        return
    st.subheader("Quality, speed and cost")
    price = st.number_input("Price of the machine, USD an hour", 0.0, 10_000.0, None, key="machine price", width=300,
                            help=labels.MACHINE_PRICE_HELP)
    ways = cached_queries.ways_to_answer(store, run, metric, price)
    elements.static_table([row(one) for one in ways])
    st.caption(labels.WAYS_NOTE)
    for one in ways:
        if one.kept_sentence:
            elements.plain_text(one.kept_sentence)
        elif one.kept_missing:
            elements.plain_text(f"{one.title}: what it keeps of the gain is not known, because {one.kept_missing}.")
    if sum(one.score is not None and bool(one.usd_per_1000) for one in ways) > 1:
        elements.chart(quality_against_cost, "quality against cost", "Score against the price of 1,000 answers, on a "
                       "logarithmic axis", ways, metric)
    st.page_link("app_pages/exports.py", label="Verify an export of this run", icon=":material/fact_check:",
                 query_params={"run": run.id})
    elements.export_buttons([dataclasses.asdict(one) for one in ways], f"quality-and-cost-{run.id}", "ways")


def row(one: WayToAnswer) -> dict[str, str]:
    """One line of the table; what was not measured or has no price is a dash."""
    change = one.change
    return {
        "who": one.title, "score": labels.number(one.score, 3), "seconds, p50": labels.number(one.speed.seconds_p50),
        "p95": labels.number(one.speed.seconds_p95), "tokens/s": labels.number(one.speed.tokens_per_second, 1),
        "MB": labels.number(one.size_bytes / 1e6 if one.size_bytes else None, 0),
        "1,000 answers": labels.DASH if one.usd_per_1000 is None else labels.money(one.usd_per_1000),
        "break-even": labels.DASH if one.break_even is None else f"{one.break_even:,} answers",
        "against the measured student": "" if change is None else
        f"{one.outcome}: {labels.change(change.change, 3)} ({labels.interval(change.low, change.high)})"}
