"""All runs, newest first; select one to look at it or to launch it again."""

from __future__ import annotations

import streamlit as st

from dashboard import export, opening, showing, text
from dashboard.panels.run_table import run_actions, run_table
from store import queries

ALL = "all"

st.title("History")
store = opening.reading_or_stop()
runs = queries.all_runs(store)
if not runs:
    showing.empty(text.NO_STORE)
    st.stop()

left, right = st.columns([3, 2])
with left:
    words = st.text_input("Search", key="history words", placeholder="name, run, teacher or student").casefold()
with right:
    states = [ALL, *dict.fromkeys(run.work for run in runs)]
    state = st.selectbox("State", states, key="history state",
                         format_func=lambda name: "All states" if name == ALL else text.work(name).word)
shown = [run for run in runs if state in (ALL, run.work)
         and words in f"{run.name} {run.id} {run.config.teacher} {run.config.student}".casefold()]
if not shown:
    showing.empty("No run fits these filters.")
    st.stop()

usages = queries.teacher_usage(store, [run.id for run in shown])
selected = run_table(shown, usages)
if selected:
    run_actions(selected)
else:
    st.caption("Select a row to open the run, or to launch the same again.")
showing.downloads(export.run_rows(shown, usages), "runs", "runs")
