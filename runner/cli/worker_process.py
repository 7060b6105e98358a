"""`work` (internal): execute one claimed run; started by the supervisor."""

from __future__ import annotations

import argparse

from runner.service.parent_death import die_with_parent
from store.event_log.journal import Claim
from store.paths import default_paths


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The claim: run, owner, fencing token, attempt."""
    for name, kind in (("run", str), ("owner", str), ("fence", int), ("attempt", int)):
        parser.add_argument(name, type=kind)


def run(args: argparse.Namespace) -> int:
    """Execute the run, while the parent lives and the claim is valid."""
    die_with_parent(args.owner)
    from runner.pipeline.worker import execute_claimed_run  # late: no slow import before the line above

    return execute_claimed_run(Claim(args.run, args.owner, args.fence, args.attempt), default_paths())
