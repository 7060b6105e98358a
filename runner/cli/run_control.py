"""`resume`, `cancel` and `pause`: commands for an existing run."""

from __future__ import annotations

import argparse
import sys

from runner.errors import UserError
from store import commands, queries
from store.commands import review
from store.database import open_existing_store, open_store
from store.paths import default_paths
from store.program_name import NAME


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The run."""
    parser.add_argument("run", help="a run's id, as `status` shows it")


def add_resume_arguments(parser: argparse.ArgumentParser) -> None:
    """The run, and the output format."""
    add_arguments(parser)
    parser.add_argument("--json", action="store_true", help="print the result as one JSON object, last")


def resume(args: argparse.Namespace) -> int:
    """Resume a run in the foreground; one that waits for its review goes on with what is approved."""
    from runner.cli.foreground import run_in_foreground

    paths = default_paths()
    store = open_store(paths.store_url)
    run = queries.find_run(store, args.run)
    if run is None:
        raise UserError(f"no run {args.run!r}: list them with '{NAME} status'")
    if run.work == "finished":
        raise UserError(f"run {run.id} is finished: there is nothing to resume")
    if run.work == review.WAITING:
        done = review.finish_review(store, run.id, review.Person("command line"))
        print(f"review: {done.approved:,} questions approved, {done.edited:,} of them edited, {done.rejected:,} "
              "rejected", file=sys.stderr if args.json else sys.stdout, flush=True)
    elif not run.active:
        commands.change_run_state(store, "retry" if run.work == "failed" else "resume", run.id)
    return run_in_foreground(store, paths, run.id, args.json)


def cancel(args: argparse.Namespace) -> int:
    """Request the cancellation of a run."""
    return _send_command("cancel", args.run)


def pause(args: argparse.Namespace) -> int:
    """Request that a run is paused."""
    return _send_command("pause", args.run)


def _send_command(kind: str, run: str) -> int:
    commands.change_run_state(open_existing_store(default_paths().store_url), kind, run)
    print(f"{kind}: requested for run {run}")
    return 0
