"""`backup`, `restore`, `rebuild`: keeping what is there, and getting it back."""

from __future__ import annotations

import argparse
from datetime import UTC, datetime
from pathlib import Path

from runner.lifeline import hold_as_only_runner
from store.database import open_for_reading, open_store
from store.locations import locations
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
