"""START HERE: site map and sidebar of the dashboard. Start it with `python -m dashboard`."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from dashboard.access import store_access, store_commands
from dashboard.panels.launch_form import full_width_form, launch_form
from dashboard.panels.runner_banner import runner_banner
from dashboard.session import gc_tuning, identity, stale_page
from dashboard.style import theme
from dashboard.widgets import elements
from store.costs.prices import price_fault

# Not in the menu, which has no room for them in a window of 1280 px: the launch form and Overview lead to them.
EXPORTS = st.Page("app_pages/exports.py", title="Exports", visibility="hidden")
NEW_RUN = st.Page("app_pages/new_run.py", title="New run", visibility="hidden")
PAGES = [
    st.Page("app_pages/overview.py", title="Overview", default=True),
    st.Page("app_pages/live.py", title="Live"),
    st.Page("app_pages/answers.py", title="Answers"),
    st.Page("app_pages/compare.py", title="Compare"),
    st.Page("app_pages/history.py", title="History"),
    st.Page("app_pages/playground.py", title="Playground"),
    st.Page("app_pages/knowledge.py", title="Documents"),
    st.Page("app_pages/dataset.py", title="Dataset"),
    st.Page("app_pages/schedules.py", title="Schedules"),
    st.Page("app_pages/system.py", title="System"),
    EXPORTS,
    NEW_RUN,
]
"""In the order of use: the result, then the active run and its answers, then what is configured once."""

# A local file: an icon given by name would be fetched from an external host.
_ICON = Path(__file__).with_name("favicon.svg")


def main() -> None:
    """Draw the sidebar, then the requested page. A store that cannot be opened is reported in one sentence."""
    st.set_page_config(page_icon=str(_ICON), layout="wide")
    st.logo(str(_ICON), size="large")
    # Navigation goes above the page, so that the launch form is at the top of the sidebar and not below the fold.
    page = st.navigation(PAGES, position="top")
    st.set_page_config(page_title=f"{page.title} · Knowledge distillation")
    stale_page.set_current_page(page)
    st.html(theme.PAGE_CSS)
    with st.sidebar:
        runner_banner()
        identity.sign_in()
        if store_commands.is_allowed("launch") and page is not NEW_RUN:
            launch_form()
    if fault := price_fault():
        st.error("No price is known, because the price file of this data folder cannot be used.",
                 icon=":material/money_off:")
        elements.plain_text(fault)
    with store_access.store_errors_shown():
        page.run()
        if store_commands.is_allowed("launch") and page is NEW_RUN:
            full_width_form()
    gc_tuning.freeze_gc()


main()
