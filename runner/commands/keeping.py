"""`backup`, `restore`, `rebuild`, `migrate`: keeping what is there, and getting it back."""

from __future__ import annotations

import argparse
from datetime import UTC, datetime
from pathlib import Path

from runner.lifeline import hold_as_only_runner
from store.database import NoStoreYet, kept_copy, open_for_reading, open_store, version_at
from store.locations import locations
from store.migrations import CURRENT
from store.projections import rebuild as rebuild_read_models


def backup_options(one: argparse.ArgumentParser) -> None:
    """Where to."""
    one.add_argument("--to", metavar="FILE", help="the archive (default: data/backups/backup-DATE-TIME.tar)")


def restore_options(one: argparse.ArgumentParser) -> None:
    """Where from."""
    one.add_argument("file", metavar="FILE", help="an archive that `backup` made")
    one.add_argument("--force", action="store_true", help="put aside what is there already")


def rebuild_options(_one: argparse.ArgumentParser) -> None:
    """None."""


def migrate_options(_one: argparse.ArgumentParser) -> None:
    """None."""


def backup(options: argparse.Namespace) -> int:
    """Write an archive; a runner may be at work meanwhile."""
    from runner import archive

    places = locations()
    open_for_reading(places.store_url).close()  # a backup never makes a store
    to = Path(options.to).expanduser().absolute() if options.to else \
        places.backups / f"backup-{datetime.now(UTC):%Y%m%d-%H%M%S}.tar"
    content = archive.write(open_store(places.store_url), places, to)
    print(f"{to}: {content.files} files, {content.size_bytes / 1e6:.1f} MB")
    return 0


def restore(options: argparse.Namespace) -> int:
    """Put an archive's content back; refused while a runner serves the folder."""
    from runner import archive

    places = locations()
    hold_as_only_runner(places.data)
    content = archive.restore(Path(options.file).expanduser().absolute(), places, options.force)
    print(f"{places.data}: {content.files} files of {content.made_at[:19].replace('T', ' ')} UTC restored; "
          "unfinished runs go on with the next 'python -m runner serve'")
    return 0


def rebuild(_options: argparse.Namespace) -> int:
    """Make every read model anew from the events, in one transaction; refused while a runner serves the folder."""
    places = locations()
    open_for_reading(places.store_url).close()  # a rebuild never makes a store
    hold_as_only_runner(places.data)
    with open_store(places.store_url).write() as connection:
        count = rebuild_read_models(connection)
    print(f"read models rebuilt from {count} events")
    return 0


def migrate(_options: argparse.Namespace) -> int:
    """Bring the tables of an earlier version up to date, after a copy was kept; refused while a runner serves."""
    places = locations()
    before = version_at(places.store_url)
    if not before:
        raise NoStoreYet(f"no store at {places.data} yet: there is nothing to bring up to date")
    if before == CURRENT:
        print(f"the tables are of version {CURRENT}: nothing was to do")
        return 0
    hold_as_only_runner(places.data)
    open_store(places.store_url).close()
    print(f"the tables are of version {version_at(places.store_url)}, from {before}")
    if copy := kept_copy(places.store_url, before):
        print(f"the store as it was: {copy}")
    return 0
