"""Open the event store's database, SQLite or PostgreSQL, for writing or read-only."""

from __future__ import annotations

from store.database.errors import SchemaTooNew, SchemaTooOld, StoreError, StoreNotFound
from store.database.store import (
    Store, integrity_faults, open_existing_store, open_for_reading, open_store, pre_migration_copy, sqlite_is_safe,
    version_at,
)

__all__ = [
    "SchemaTooNew", "SchemaTooOld", "Store", "StoreError", "StoreNotFound", "integrity_faults", "open_existing_store",
    "open_for_reading", "open_store", "pre_migration_copy", "sqlite_is_safe", "version_at",
]
