"""`backup`, `restore`, `rebuild` and `migrate`: maintenance of store and data folder."""

from __future__ import annotations

import argparse
from datetime import UTC, datetime
from pathlib import Path

from runner.service.process_locks import acquire_runner_lock
from store.database import (
    StoreNotFound, open_existing_store, open_for_reading, open_store, pre_migration_copy, version_at,
)
from store.database.migrations import CURRENT
from store.paths import default_paths
from store.program_name import NAME
from store.projections.rebuild import rebuild as rebuild_read_models


def add_backup_arguments(parser: argparse.ArgumentParser) -> None:
    """The archive to write."""
    parser.add_argument("--to", metavar="FILE", help="the archive (default: data/backups/backup-DATE-TIME.tar)")


def add_restore_arguments(parser: argparse.ArgumentParser) -> None:
    """The archive to restore."""
    parser.add_argument("file", metavar="FILE", help="an archive that `backup` made")
    parser.add_argument("--force", action="store_true", help="move existing data out of the way")


def add_rebuild_arguments(_parser: argparse.ArgumentParser) -> None:
    """No arguments."""


def add_migrate_arguments(_parser: argparse.ArgumentParser) -> None:
    """No arguments."""


def backup(args: argparse.Namespace) -> int:
    """Write an archive; runs may be active meanwhile."""
    from runner.export import backup_archive

    paths = default_paths()
    store = open_existing_store(paths.store_url)
    to = Path(args.to).expanduser().absolute() if args.to else \
        paths.backups / f"backup-{datetime.now(UTC):%Y%m%d-%H%M%S}.tar"
    content = backup_archive.write_archive(store, paths, to)
    print(f"{to}: {content.files} files, {content.size_bytes / 1e6:.1f} MB")
    return 0


def restore(args: argparse.Namespace) -> int:
    """Restore an archive; refused while a runner serves the folder."""
    from runner.export import backup_archive

    paths = default_paths()
    acquire_runner_lock(paths.data)
    content = backup_archive.restore_archive(Path(args.file).expanduser().absolute(), paths, args.force)
    print(f"{paths.data}: {content.files} files of {content.made_at[:19].replace('T', ' ')} UTC restored; "
          f"unfinished runs continue with the next '{NAME} serve'")
    return 0


def rebuild(_args: argparse.Namespace) -> int:
    """Rebuild all read models from the events in one transaction; refused while a runner serves the folder."""
    paths = default_paths()
    open_for_reading(paths.store_url).close()  # a rebuild never creates a store
    acquire_runner_lock(paths.data)
    with open_store(paths.store_url).write() as connection:
        count = rebuild_read_models(connection)
    print(f"read models rebuilt from {count} events")
    return 0


def migrate(_args: argparse.Namespace) -> int:
    """Migrate a store of an earlier version, after copying it; refused while a runner serves the folder."""
    paths = default_paths()
    before = version_at(paths.store_url)
    if not before:
        raise StoreNotFound(f"no store at {paths.data} yet: there is nothing to migrate")
    if before == CURRENT:
        print(f"the store is at schema version {CURRENT}: nothing to do")
        return 0
    acquire_runner_lock(paths.data)
    open_store(paths.store_url).close()
    print(f"migrated from schema version {before} to {version_at(paths.store_url)}")
    if copy := pre_migration_copy(paths.store_url, before):
        print(f"copy of the store before the migration: {copy}")
    return 0
