"""START HERE: the site map and the sidebar. Started with `python -m streamlit run dashboard/app.py`."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from dashboard import asking, opening, page_shown, palette, settling, who
from dashboard.panels.launch_form import launch_form
from dashboard.panels.runner_banner import runner_banner

PAGES = [
    st.Page("app_pages/overview.py", title="Overview", default=True),
    st.Page("app_pages/live.py", title="Live"),
    st.Page("app_pages/answers.py", title="Answers"),
    st.Page("app_pages/compare.py", title="Compare"),
    st.Page("app_pages/history.py", title="History"),
    st.Page("app_pages/playground.py", title="Playground"),
    st.Page("app_pages/knowledge.py", title="Knowledge"),
    st.Page("app_pages/schedules.py", title="Schedules"),
    st.Page("app_pages/system.py", title="System"),
]
"""In the order of use: the result first, then a run at work and what it said, then what is set up once."""

# A file of our own: an icon by name would be fetched from a foreign host.
_ICON = Path(__file__).with_name("favicon.svg")


def main() -> None:
    """Draw the sidebar, then the page that was asked for; a store that cannot be used is one clear sentence."""
    st.set_page_config(page_icon=str(_ICON), layout="wide")
    st.logo(str(_ICON), size="large")
    # Above the page, so that the launch form stands at the top of the sidebar and not below the fold.
    page = st.navigation(PAGES, position="top")
    st.set_page_config(page_title=f"{page.title} · Knowledge distillation")
    page_shown.remember(page)
    st.html(palette.ON_PRIMARY)
    with st.sidebar:
        runner_banner()
        who.sign_in()
        if asking.may("launch"):
            launch_form()
    with opening.guarded():
        page.run()
    settling.settle()


main()
