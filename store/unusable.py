"""Why a store cannot be opened: sentences for people, wherever they are found out."""

from __future__ import annotations


class StoreUnusable(RuntimeError):
    """The store cannot be opened; the message names it, says why, and what to do."""


class NoStoreYet(StoreUnusable):
    """There is no database at this address yet: the empty state, not a fault."""
