"""START HERE: the site map and the sidebar. Started with `python -m streamlit run dashboard/app.py`."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from dashboard import asking, opening, settling, who
from dashboard.panels.launch_form import launch_form
from dashboard.panels.runner_banner import runner_banner

PAGES = {
    "Results": [
        st.Page("app_pages/overview.py", title="Overview", icon=":material/verified:", default=True),
        st.Page("app_pages/answers.py", title="Answers", icon=":material/compare:"),
        st.Page("app_pages/compare.py", title="Compare", icon=":material/stacked_line_chart:"),
        st.Page("app_pages/playground.py", title="Playground", icon=":material/forum:"),
    ],
    "Work": [
        st.Page("app_pages/live.py", title="Live", icon=":material/monitor_heart:"),
        st.Page("app_pages/history.py", title="History", icon=":material/history:"),
        st.Page("app_pages/schedules.py", title="Schedules", icon=":material/event_repeat:"),
        st.Page("app_pages/system.py", title="System", icon=":material/dns:"),
    ],
    "Teach": [
        st.Page("app_pages/knowledge.py", title="Knowledge", icon=":material/menu_book:"),
    ],
}

# A file of our own: an icon by name would be fetched from a foreign host.
_ICON = Path(__file__).with_name("favicon.svg")


def main() -> None:
    """Draw the sidebar, then the page that was asked for; a store that cannot be used is one clear sentence."""
    st.set_page_config(page_title="Knowledge distillation", page_icon=str(_ICON), layout="wide")
    page = st.navigation(PAGES)
    with st.sidebar:
        runner_banner()
        who.sign_in()
        if asking.may("launch"):
            launch_form()
    with opening.guarded():
        page.run()
    settling.settle()


main()
