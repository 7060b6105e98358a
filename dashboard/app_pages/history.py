"""List all runs, paginated and filtered; selected ones can be opened, compared, renamed, tagged, archived, deleted."""

from __future__ import annotations

import dataclasses

import streamlit as st

from dashboard.access import cached_queries, store_access
from dashboard.panels import run_table
from dashboard.panels.bulk_actions import bulk_actions
from dashboard.panels.run_actions import run_actions
from dashboard.panels.run_changes import changes_of_runs
from dashboard.session import url_state
from dashboard.style import labels
from dashboard.view_models import export_rows
from dashboard.widgets import elements
from store import queries
from store.queries import ORDERS, HistoryFilter

ALL = "all"

elements.page_title("History", "All runs: find, open, compare, rename, tag, archive or delete them.")
store = store_access.require_read_store("history")
options = queries.filter_options(store)
if not options.works:
    store_access.no_runs("history")
    st.stop()

filters = st.grid(4, min_column_width=170)
first, second, third, fourth = (filters.cell() for _ in range(4))
with first:
    words = url_state.text_input("Search", "history words", "name, tag, note …",
                                 "Searches name, tags, note, teacher and student.")
with second:
    state = url_state.choose("State", "history state", [ALL, *options.works], ALL,
                             lambda name: "All states" if name == ALL else labels.work(name).label)
with third:
    verdict = url_state.choose("Verdict", "history verdict", [ALL, *options.verdicts], ALL,
                               lambda name: "All verdicts" if name == ALL else labels.verdict(name).label,
                               "After the last cycle: did the fine-tuned student score better on the held-out test?")
with fourth:
    order = url_state.choose("Sort by", "history order", list(ORDERS), "newest", labels.RUN_ORDERS.__getitem__)
archived = bool(options.archived) and st.toggle(f"Show archived runs ({options.archived})", key="history archive",
                                                help="Archived runs still count in comparisons and estimates.")
sizes = queries.group_sizes(store)
folded = bool(sizes) and st.toggle("One row for each group of runs", True, key="history fold",
                                   help="A group is shown by one run that matches the filters: the newest "
                                        "finished one, else a running one.")
wanted = HistoryFilter(words, "" if state == ALL else state, "" if verdict == ALL else verdict, archived, order,
                       folded)
count = queries.count_found(store, wanted)
if not count:
    elements.empty_state("No run matches these filters."
                         + (f" The archive has {options.archived} more." if options.archived and not archived else ""))
    st.stop()

begin = url_state.page("history page", count, run_table.A_PAGE)
shown = queries.found_runs(store, wanted, run_table.A_PAGE, begin)
if count > len(shown):
    st.caption(f"Runs {begin + 1:,} to {begin + len(shown):,} of {count:,}. Click a heading to sort this page; "
               "Sort by sorts all runs; Export contains all.")
usages, changes = cached_queries.usages(store, shown), queries.headline_changes(store, shown)
selected = run_table.run_table(shown, usages, changes, queries.open_batches(store), sizes)
if len(selected) > 1:
    bulk_actions(store, selected)
elif selected:
    if folded and selected[0].group:
        run_table.group_members(store, selected[0].group)
    run_actions(selected[0])
else:
    st.caption("Click a row to open, rename, tag, archive or delete the run; check several to compare them.")

changes_of_runs(shown, changes, usages)


def matching_runs() -> list[dict[str, object]]:
    """Rows of all matching runs, not only of this page; read when an export is requested."""
    found = queries.found_runs(store, dataclasses.replace(wanted, folded=False))
    return export_rows.run_rows(found, queries.teacher_usage(store, [run.id for run in found]))


elements.export_buttons(matching_runs, "runs", "runs")
