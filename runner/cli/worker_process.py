"""`work`: what the supervisor starts; executes one claimed run. Not for people."""

from __future__ import annotations

import argparse

from runner.service.process_lock import die_with_parent
from store.event_log.journal import Claim
from store.paths import default_paths


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The claim."""
    for name, kind in (("run", str), ("owner", str), ("fence", int), ("attempt", int)):
        parser.add_argument(name, type=kind)


def run(args: argparse.Namespace) -> int:
    """Work on the run for as long as the parent lives and the claim holds."""
    die_with_parent(args.owner)
    from runner.pipeline.worker import execute_claimed_run  # late: nothing slow before the line above

    return execute_claimed_run(Claim(args.run, args.owner, args.fence, args.attempt), default_paths())
