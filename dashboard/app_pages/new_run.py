"""Title of the page on which a run is launched with any setting.

Its fields are drawn by `app.py`, as on every other page: a widget that a page itself draws loses its value on the
way to another page.
"""

from __future__ import annotations

from dashboard.access import store_access, store_commands
from dashboard.widgets import elements

elements.page_title(
    "New run",
    "All settings of a run. The sidebar has those that most runs change, the button, and what the run would "
    "take.")
store_access.read_store()  # the app says why, where it cannot be read
if not store_commands.is_allowed("launch"):
    elements.empty_state("Only operators may launch runs.")
