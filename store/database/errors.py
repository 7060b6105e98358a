"""Exceptions for a store that cannot be opened; each message is a sentence for a person and says what to do."""

from __future__ import annotations

import os
import shlex

from store.program_name import NAME


class StoreError(RuntimeError):
    """The store cannot be opened; the message names the store, the reason and the remedy."""


class StoreNotFound(StoreError):
    """There is no database at this address yet: the normal state before the first run, not a fault."""


class SchemaTooOld(StoreError):
    """The tables are of an earlier version; nothing was changed, and the `migrate` command upgrades them."""

    def __init__(self, store: str, found: int, known: int, copy: str | None) -> None:
        """`copy`: the backup file that migrating will create; None where the store is not a file."""
        self.command = command("migrate")
        backup = (f"It first saves a copy of the store as it is, {copy}." if copy else
                  "It makes no copy of such a store: take one first, with pg_dump.")
        super().__init__(f"the store {store} has tables of version {found}, this program reads version {known}. To "
                         f"upgrade them, stop everything that uses the store, then run: {self.command}\n{backup}")


class SchemaTooNew(StoreError):
    """The tables are of a later version than this program knows; nothing was changed."""

    def __init__(self, found: int, known: int) -> None:
        super().__init__(f"the store has tables of version {found}, this program knows up to version {known} and "
                         "cannot downgrade them: use the newer program that wrote it, or another store (DATA_DIR or "
                         "STORE_URL)")


def command(name: str) -> str:
    """A runner command to paste into a shell, prefixed with DATA_DIR where the environment sets it."""
    environment = [f"{key}={shlex.quote(os.environ[key])}" for key in ("DATA_DIR",) if os.environ.get(key)]
    return " ".join([*environment, f"{NAME}", name])
