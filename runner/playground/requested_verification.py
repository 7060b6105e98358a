"""Verify an export that somebody named on a page, and note how far it is."""

from __future__ import annotations

from runner.errors import UserError
from runner.hardware import configure_native_libraries
from store import queries
from store.commands.verifications import QUEUE, ClaimedVerification
from store.database import Store
from store.paths import Paths


def verify_requested(store: Store, paths: Paths, claimed: ClaimedVerification) -> None:
    """Verify what was asked for; the outcome is an event of the run, and a refusal is recorded as the failure."""
    configure_native_libraries()
    from runner.export.artefact_verification import verify_artefact  # late: slow

    try:
        run = queries.find_run(store, claimed.run)
        if run is None:
            raise UserError(f"no run {claimed.run!r}: it was deleted meanwhile")
        found = verify_artefact(store, paths, run, claimed.cycle, claimed.artefact, lambda line: _note(
            store, claimed, line))
    except UserError as error:
        QUEUE.fail(store, claimed.id, claimed.attempt, str(error))
    else:
        QUEUE.finish(store, claimed.id, claimed.attempt, progress=found.sentence)


def _note(store: Store, claimed: ClaimedVerification, line: str) -> None:
    QUEUE.change(store, claimed.id, claimed.attempt, progress=line.strip())
