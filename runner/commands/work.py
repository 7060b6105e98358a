"""`work`: what the supervisor starts; executes one claimed run. Not for people."""

from __future__ import annotations

import argparse

from runner.lifeline import end_with_parent
from store.journal import Claim
from store.locations import locations


def options(one: argparse.ArgumentParser) -> None:
    """The claim."""
    for name, kind in (("run", str), ("owner", str), ("fence", int), ("attempt", int)):
        one.add_argument(name, type=kind)


def carry_out(options: argparse.Namespace) -> int:
    """Work on the run for as long as the parent lives and the claim holds."""
    end_with_parent(options.owner)
    from runner.worker import work  # late: nothing slow before the line above

    return work(Claim(options.run, options.owner, options.fence, options.attempt), locations())
