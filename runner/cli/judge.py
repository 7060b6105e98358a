"""`judge`: score a run's stored answers again; nothing is generated, and the run's own scores stay as they are."""

from __future__ import annotations

import argparse

from runner.errors import UserError
from store import queries
from store.database import Store, StoreError, StoreNotFound, open_for_reading, open_store
from store.metrics import ANSWER_METRICS, JUDGE_METRICS, FROM_LIKELIHOOD
from store.paths import default_paths
from store.program_name import NAME


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The run, the metrics and the judge."""
    parser.add_argument("run", help="a run's id, as `status` shows it")
    parser.add_argument("--metrics", required=True, metavar="A,B",
                        help=f"one or more of {', '.join((*ANSWER_METRICS, *JUDGE_METRICS))}")
    parser.add_argument("--judge", metavar="NAME", help="name of the judge model (default: the run's own)")
    parser.add_argument("--judge-base-url", metavar="URL", help="base URL of its OpenAI-compatible endpoint")
    parser.add_argument("--cycle", type=int, metavar="K", help="only this cycle's answers, and those to the test")
    parser.add_argument("--estimate", action="store_true", help="only print the estimated cost")


def run(args: argparse.Namespace) -> int:
    """Validate the request, print the estimated cost, and judge."""
    from runner.cli.summary import change_lines
    from runner.pipeline.rejudge import parse_request, rejudge

    store = writable_store(default_paths().store_url)
    request = parse_request(stored_run(store, args.run, "judge it again"), metrics_in(args.metrics), args.judge,
                            args.judge_base_url, args.cycle)
    if estimated := request.estimate(store):
        print(estimated.sentence(), flush=True)
    if args.estimate:
        return 0
    number = rejudge(store, request, lambda line: print(line, flush=True))
    print(f"\njudging {number} of run {request.run.id}; the run's own scores and verdict stay as they are")
    print(*change_lines(queries.rejudged_changes(store, request.run.id, number)), sep="\n")
    return 0


def writable_store(url: str) -> Store:
    """Open the store for writing, and migrate it if needed; never creates one."""
    try:
        open_for_reading(url).close()
    except StoreNotFound:
        raise
    except StoreError:
        pass  # opening for writing either migrates the store, or raises the error
    return open_store(url)


def metrics_in(text: str) -> tuple[str, ...]:
    """Parse a comma-separated list of metrics.

    Raises:
        UserError: none, unknown ones, or ones that need the student's log-likelihood.
    """
    names = tuple(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))
    if from_student := [name for name in names if name in FROM_LIKELIHOOD]:
        raise UserError(f"{', '.join(from_student)} cannot be judged again: it is the student's own log-likelihood")
    known = (*ANSWER_METRICS, *JUDGE_METRICS)
    if unknown := [name for name in names if name not in known]:
        raise UserError(f"unknown metric {', '.join(unknown)}: use {', '.join(known)}")
    if not names:
        raise UserError(f"no metric named: use {', '.join(known)}")
    return names


def stored_run(store: Store, name: str, purpose: str) -> queries.Run:
    """Return the run with this id, which has ended.

    Args:
        purpose: what is to be done with it, for the message.

    Raises:
        UserError: there is no such run, or it is active.
    """
    run = queries.find_run(store, name)
    if run is None:
        raise UserError(f"no run {name!r}: list them with '{NAME} status'")
    if run.active:
        raise UserError(f"run {name} is {run.work}: {purpose} when it has finished")
    return run
