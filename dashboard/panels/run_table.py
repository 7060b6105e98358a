"""All runs as a table, and what can be done with the selected one."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Mapping, Sequence

import streamlit as st

from dashboard import launching, opening, showing, text
from store import commands
from store.config import InvalidConfig
from store.database import StoreUnusable
from store.queries import Run, TeacherUsage

_TICKET = "repeat ticket"


def run_table(runs: Sequence[Run], usages: Mapping[str, TeacherUsage]) -> Run | None:
    """The runs, with what their teachers cost where any was called; returns the selected one."""
    selection = st.dataframe([_row(run, usages) for run in runs], key="run table", on_select="rerun",
                             hide_index=True, selection_mode="single-row", width="stretch",
                             height=min(520, 36 * len(runs) + 40),
                             column_config={"name": st.column_config.TextColumn(width="medium"),
                                            "verdict": st.column_config.TextColumn(width="medium")})
    rows = selection.selection.rows if selection else []
    return runs[rows[0]] if rows and rows[0] < len(runs) else None


def run_actions(run: Run) -> None:
    """Where a run can be looked at, and launching the same again."""
    with st.container(border=True):
        showing.plain(f"{run.title}\n{run.sentence or text.work(run.work).word}")
        link = {"run": run.id}
        with st.container(horizontal=True, vertical_alignment="center"):
            st.page_link("app_pages/overview.py", label="Overview", icon=":material/verified:", query_params=link)
            st.page_link("app_pages/live.py", label="Live", icon=":material/monitor_heart:", query_params=link)
            st.page_link("app_pages/answers.py", label="Answers", icon=":material/compare:", query_params=link)
            if st.button("Launch the same again", icon=":material/replay:", key="repeat"):
                _repeat(run)
        with st.expander("Configuration", icon=":material/settings:"):
            st.code("\n".join(f"{key} = {value!r}" for key, value in dataclasses.asdict(run.config).items()),
                    language=None, wrap_lines=True)


def _repeat(run: Run) -> None:
    ticket = launching.ticket_for(st.session_state.get(_TICKET), time.time())
    st.session_state[_TICKET] = ticket
    try:
        again = commands.launch(opening.writing(), run.config, "dashboard", ticket.token)
    except (InvalidConfig, StoreUnusable) as error:
        st.error("The run cannot be launched again:", icon=":material/error:")
        showing.plain(str(error))
    else:
        st.session_state[_TICKET] = dataclasses.replace(ticket, used_at=time.time())
        st.switch_page("app_pages/live.py", query_params={"run": again})


def _row(run: Run, usages: Mapping[str, TeacherUsage]) -> dict[str, object]:
    config, verdict = run.config, text.verdict(run.verdict)
    return {
        "asked for": text.moment(run.requested_at), "name": run.name or text.DASH,
        "state": f"{text.work(run.work).sign} {text.work(run.work).word}",
        "verdict": f"{verdict.sign} {verdict.word}" if run.verdict else text.DASH,
        "took": text.duration(text.run_seconds(run)), **_cost(run, usages), "teacher": config.teacher,
        "student": config.student, "cycles": config.cycles, "questions": config.questions, "held-out": config.held_out,
        "steps": config.steps if config.fine_tune else 0, "knowledge": text.knowledge(config),
        "topics": text.topics_trained(config), "run": run.id,
    }


def _cost(run: Run, usages: Mapping[str, TeacherUsage]) -> dict[str, str]:
    if not usages:
        return {}
    used = usages.get(run.id)
    return {"teacher cost": text.money(used.cost_usd) if used else text.DASH}
