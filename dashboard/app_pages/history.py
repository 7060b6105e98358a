"""All runs, a page at a time; select one to look at it, to launch it again, to tag it or to put it away."""

from __future__ import annotations

import streamlit as st

from dashboard.access import cached_queries, store_access
from dashboard.panels import run_table
from dashboard.panels.run_actions import run_actions
from dashboard.session import url_state
from dashboard.style import labels
from dashboard.view_models import export_rows
from dashboard.widgets import elements
from store import queries
from store.queries import ORDERS, HistoryFilter

ALL = "all"

st.title("History")
store = store_access.require_read_store()
there = queries.filter_options(store)
if not there.works:
    elements.empty_state(labels.NO_STORE)
    st.stop()

filters = st.grid(4, min_column_width=170)
first, second, third, fourth = (filters.cell() for _ in range(4))
with first:
    words = url_state.text_input("Search", "history words", "name, tag, note …",
                                 "Finds runs by words in their name, tags, note, teacher or student.")
with second:
    state = url_state.choose("State", "history state", [ALL, *there.works], ALL,
                             lambda name: "All states" if name == ALL else labels.work(name).word)
with third:
    verdict = url_state.choose("Verdict", "history verdict", [ALL, *there.verdicts], ALL,
                               lambda name: "All verdicts" if name == ALL else labels.verdict(name).word,
                               "Of the last cycle: did the tuned student answer the held-out test better?")
with fourth:
    order = url_state.choose("Order", "history order", list(ORDERS), "newest", labels.RUN_ORDERS.__getitem__)
archived = bool(there.archived) and st.toggle(f"Show the archive ({there.archived})", key="history archive",
                                              help="Runs that were put away. They stay in comparisons and estimates.")
wanted = HistoryFilter(words, "" if state == ALL else state, "" if verdict == ALL else verdict, archived, order)
count = queries.count_found(store, wanted)
if not count:
    put_away = there.archived and not archived
    elements.empty_state("No run fits these filters."
                         + (f" The archive has {there.archived} more." if put_away else ""))
    st.stop()

begin = url_state.page("history page", count, run_table.A_PAGE)
shown = queries.found_runs(store, wanted, run_table.A_PAGE, begin)
if count > len(shown):
    st.caption(f"Runs {begin + 1:,} to {begin + len(shown):,} of {count:,}. A heading sorts this page, the order above "
               "sorts all; what is taken along below is all of them.")
selected = run_table.run_table(shown, cached_queries.usages(store, shown))
if selected:
    run_actions(selected)
else:
    st.caption("Select a row to open the run, launch it again, tag it, archive it or delete it.")


def all_found() -> list[dict[str, object]]:
    """Every run that fits, not this page's alone; read when somebody takes them along."""
    found = queries.found_runs(store, wanted)
    return export_rows.run_rows(found, queries.teacher_usage(store, [run.id for run in found]))


elements.export_buttons(all_found, "runs", "runs")
