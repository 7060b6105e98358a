"""The form that names an export to be verified. A double click queues one verification."""

from __future__ import annotations

import dataclasses
import hashlib
import time
from collections.abc import Sequence

import streamlit as st

from dashboard.access import store_commands
from dashboard.session import url_state
from dashboard.style import labels
from dashboard.view_models import launch_request
from store.commands.verifications import BY_LLAMA_CPP, BY_TRANSFORMERS, ENGINES, MAX_ARTEFACT_LENGTH, Artefact
from store.queries import Cycle, Run

_TICKET = "verification ticket"
_ENGINES = {BY_TRANSFORMERS: "what its form says (GGUF: transformers)", BY_LLAMA_CPP: "llama.cpp's own server (GGUF)"}


def verification_form(run: Run, cycles: Sequence[Cycle]) -> bool:
    """Draw the form; True once a verification was queued."""
    trained = [str(cycle.cycle) for cycle in cycles if cycle.adapter]
    if not trained:
        st.info("This run has no adapter: nothing can have been exported of it.", icon=":material/info:")
        return False
    if not store_commands.is_allowed("verify"):
        st.caption("Operators can verify exports; what was found is shown below.")
        return False
    with st.expander("Verify an export", icon=":material/fact_check:", expanded=True):
        cycle = int(url_state.choose("Exported cycle", "exported", trained, trained[-1],
                                     lambda name: labels.cycle(int(name)),
                                     "Its fine-tuned student's recorded answers are what the export is compared with."))
        with st.form("verification form", border=False):
            name = st.text_input("Folder, GGUF file or address", key="verification artefact",
                                 max_chars=MAX_ARTEFACT_LENGTH, placeholder="http://127.0.0.1:8000/v1",
                                 help=labels.ARTEFACT_HELP)
            left, right = st.columns(2)
            with left:
                engine = str(st.selectbox("Answered by", ENGINES, key="verification engine",
                                          format_func=lambda one: _ENGINES[one], help=labels.EXPORT_ENGINE_HELP))
            with right:
                model = st.text_input("Model's name at the server", key="verification model", max_chars=200,
                                      placeholder="the only one", help="Only for an address with several models.")
            pressed = st.form_submit_button("Verify", icon=":material/play_arrow:", type="primary", key="verify")
    return pressed and _submit(run, cycle, Artefact(name, engine, model))


def _submit(run: Run, cycle: int, artefact: Artefact) -> bool:
    ticket = launch_request.next_token(st.session_state.get(_TICKET), time.time())
    # What is verified is part of the token: another artefact is never taken for a double click.
    digest = hashlib.sha256(f"{run.id} {cycle} {artefact}".encode()).hexdigest()[:16]
    if store_commands.verify_export(run.id, cycle, artefact, f"verify {ticket.token} {digest}") is None:
        return False
    st.session_state[_TICKET] = dataclasses.replace(ticket, used_at=time.time())
    return True
