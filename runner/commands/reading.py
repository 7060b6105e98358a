"""The store as commands read it that only look: never made by looking, and of this program's version."""

from __future__ import annotations

from store.database import Store, open_for_reading, open_store
from store.migrations import CURRENT, version_of


def opened(url: str) -> Store:
    """An existing store; one of an earlier version is brought up to date first, because its tables lack columns.

    Raises:
        NoStoreYet: there is none at this address.
        StoreUnusable: there is one that cannot be read.
    """
    store = open_for_reading(url)
    with store.read() as connection:
        version = version_of(connection)
    if version == CURRENT:
        return store
    store.close()
    return open_store(url)
