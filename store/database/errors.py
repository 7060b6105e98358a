"""Why a store cannot be opened: sentences for people, wherever they are found out."""

from __future__ import annotations

import os
import shlex


class StoreError(RuntimeError):
    """The store cannot be opened; the message names it, says why, and what to do."""


class StoreNotFound(StoreError):
    """There is no database at this address yet: the empty state, not a fault."""


class SchemaTooOld(StoreError):
    """Tables of an earlier version: nothing was changed, and one command brings them up to date."""

    def __init__(self, store: str, found: int, known: int, copy: str | None) -> None:
        """`copy` is the file that is kept of the store as it is; None where the store is no file."""
        self.command = command("migrate")
        kept = (f"It first keeps a copy of the store as it is, {copy}." if copy else
                "It keeps no copy of such a store: take one before, with pg_dump.")
        super().__init__(f"the store {store} has tables of version {found}, this program reads version {known}. To "
                         f"bring them up to date stop whatever still uses the store, then: {self.command}\n{kept}")


class SchemaTooNew(StoreError):
    """Tables of a later version than this program knows; nothing was changed."""

    def __init__(self, found: int, known: int) -> None:
        super().__init__(f"the store has tables of version {found}, this program knows up to version {known}, and none "
                         "of it goes back: use the newer program that wrote it, or another store (DATA_DIR or "
                         "STORE_URL)")


def command(name: str) -> str:
    """A command of the runner as it is typed here, with what the environment says of where the store is."""
    moved = [f"{key}={shlex.quote(os.environ[key])}" for key in ("DATA_DIR",) if os.environ.get(key)]
    return " ".join([*moved, "python -m runner", name])
