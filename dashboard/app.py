"""START HERE: the site map and the sidebar. Started with `python -m streamlit run dashboard/app.py`."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from dashboard import asking, opening, settling, who
from dashboard.panels.launch_form import launch_form
from dashboard.panels.runner_banner import runner_banner

PAGES = [
    st.Page("app_pages/overview.py", title="Overview", icon=":material/verified:", default=True),
    st.Page("app_pages/live.py", title="Live", icon=":material/monitor_heart:"),
    st.Page("app_pages/answers.py", title="Answers", icon=":material/compare:"),
    st.Page("app_pages/compare.py", title="Compare", icon=":material/stacked_line_chart:"),
    st.Page("app_pages/history.py", title="History", icon=":material/history:"),
    st.Page("app_pages/playground.py", title="Playground", icon=":material/forum:"),
    st.Page("app_pages/knowledge.py", title="Knowledge", icon=":material/menu_book:"),
    st.Page("app_pages/schedules.py", title="Schedules", icon=":material/event_repeat:"),
    st.Page("app_pages/system.py", title="System", icon=":material/dns:"),
]
"""In the order of use: the result first, then a run at work and what it said, then what is set up once."""

# A file of our own: an icon by name would be fetched from a foreign host.
_ICON = Path(__file__).with_name("favicon.svg")

# Streamlit writes white on the primary colour in either theme, and has no option for it: no one colour of a dark theme
# can be read both under white letters and as letters on the ground. So what stands on it is dark where the text around
# is light, and white where that is dark; within a popover too, which is not within the app's element.
_ON_PRIMARY = """<style>
:is(button[data-testid^="stBaseButton-primary"]:enabled, [data-testid="stMultiSelectTagsContainer"] [data-tag]) {
  color: oklch(from currentcolor clamp(0.17, (0.6 - l) * 1000, 1) 0 0);
}
</style>"""


def main() -> None:
    """Draw the sidebar, then the page that was asked for; a store that cannot be used is one clear sentence."""
    st.set_page_config(page_icon=str(_ICON), layout="wide")
    st.logo(str(_ICON), size="large")
    # Above the page, so that the launch form stands at the top of the sidebar and not below the fold.
    page = st.navigation(PAGES, position="top")
    st.set_page_config(page_title=f"{page.title} · Knowledge distillation")
    st.html(_ON_PRIMARY)
    with st.sidebar:
        runner_banner()
        who.sign_in()
        if asking.may("launch"):
            launch_form()
    with opening.guarded():
        page.run()
    settling.settle()


main()
