"""What was asked for on the page Exports and is not done: how far it is, or why it failed."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from dashboard.style import labels
from dashboard.widgets import elements
from store import queries
from store.commands.claimed_queue import DONE, FAILED, WAITING
from store.database import Store
from store.queries.verifications import VerificationRequest

FAILURES_SHOWN = 3


def verification_requests(store: Store, requests: Sequence[VerificationRequest]) -> None:
    """Draw the active requests, and the newest failures that no later success of the same export has answered."""
    if any(one.active for one in requests) and not queries.connected_runners(store):
        st.warning(f"Queued. {labels.NO_RUNNER}", icon=":material/link_off:")
    at_work = queries.runs_at_work(store)
    for one in requests:
        if one.active:
            elements.plain_text(f"{one.artefact}: {_status(one, bool(at_work))}")
    for one in _unanswered(requests)[:FAILURES_SHOWN]:
        st.error("An export could not be verified:", icon=":material/error:")
        elements.plain_text(f"{one.artefact}\n{one.error or ''}")


def _status(one: VerificationRequest, busy: bool) -> str:
    if one.state == WAITING:
        return "queued; a run is active, and the device does one thing at a time." if busy else "queued."
    return one.progress or "loading …"


def _unanswered(requests: Sequence[VerificationRequest]) -> list[VerificationRequest]:
    """The failures, newest first, of exports whose newest ended request failed."""
    newest: dict[str, VerificationRequest] = {}
    for one in requests:
        if one.state in (DONE, FAILED):
            newest.setdefault(one.artefact, one)
    return [one for one in newest.values() if one.state == FAILED]
