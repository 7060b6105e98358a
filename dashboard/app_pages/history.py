"""All runs, newest first; select one to look at it, to launch it again, to tag it or to put it away."""

from __future__ import annotations

import streamlit as st

from dashboard import address, export, opening, remembered, showing, text
from dashboard.panels.run_actions import run_actions
from dashboard.panels.run_table import run_table
from store import queries

ALL = "all"

st.title("History")
store = opening.reading_or_stop()
runs = queries.all_runs(store)
if not runs:
    showing.empty(text.NO_STORE)
    st.stop()
if (there := queries.count_of_runs(store)) > len(runs):
    st.caption(f"The newest {len(runs)} of {there:,} runs. An older one opens by its address: `?run=` and its id.")

left, middle, right = st.columns([3, 2, 2], vertical_alignment="bottom")
with left:
    words = st.text_input("Search", key="history words",
                          placeholder="name, tag, note, teacher or student").casefold()
with middle:
    states = [ALL, *dict.fromkeys(run.work for run in runs)]
    state = address.choose("State", "history state", states, ALL,
                           lambda name: "All states" if name == ALL else text.work(name).word)
with right:
    verdicts = [ALL, *dict.fromkeys(run.verdict for run in runs if run.verdict)]
    verdict = address.choose("Verdict", "history verdict", verdicts, ALL,
                             lambda name: "All verdicts" if name == ALL else text.verdict(name).word)
put_away = sum(run.archived for run in runs)
archived = bool(put_away) and st.toggle(f"Show the archive ({put_away})", key="history archive")
shown = [run for run in runs if state in (ALL, run.work) and verdict in (ALL, run.verdict)
         and run.archived == archived and words in text.searchable(run)]
if not shown:
    showing.empty("No run fits these filters.")
    st.stop()

usages = remembered.usages(store, shown)
selected = run_table(shown, usages)
if selected:
    run_actions(selected)
else:
    st.caption("Select a row to open the run, launch it again, tag it, archive it or delete it.")
showing.downloads(export.run_rows(shown, usages), "runs", "runs")
