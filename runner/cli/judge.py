"""`judge`: scores a run's stored answers again; nothing is generated, and the run's own scores stay as they are."""

from __future__ import annotations

import argparse

from runner.errors import UserError
from store import queries
from store.database import Store, StoreError, StoreNotFound, open_for_reading, open_store
from store.metrics import ANSWER_METRICS, JUDGE_METRICS, LIKELIHOOD_METRICS
from store.paths import default_paths


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Which run, by which metrics and whom."""
    parser.add_argument("run", help="a run's id, as `status` shows it")
    parser.add_argument("--metrics", required=True, metavar="A,B",
                        help=f"of {', '.join((*ANSWER_METRICS, *JUDGE_METRICS))}")
    parser.add_argument("--judge", metavar="NAME", help="a judge model's name; the run's own by default")
    parser.add_argument("--judge-base-url", metavar="URL", help="its OpenAI-compatible endpoint")
    parser.add_argument("--cycle", type=int, metavar="K", help="this cycle's answers alone, the test's included")
    parser.add_argument("--estimate", action="store_true", help="only say what it would cost")


def run(args: argparse.Namespace) -> int:
    """Check everything first, say what it will cost, and judge."""
    from runner.cli.summary import change_lines
    from runner.pipeline.rejudge import parse_request, rejudge

    store = _store(default_paths().store_url)
    order = parse_request(_run(store, args.run), metrics_in(args.metrics), args.judge, args.judge_base_url,
                          args.cycle)
    if estimated := order.estimate(store):
        print(estimated.sentence(), flush=True)
    if args.estimate:
        return 0
    number = rejudge(store, order, lambda line: print(line, flush=True))
    print(f"\njudging {number} of run {order.run.id}; the run's own scores and its verdict stay as they are")
    print(*change_lines(queries.rejudged_changes(store, order.run.id, number)), sep="\n")
    return 0


def _store(url: str) -> Store:
    """The store to write to, brought up to date where it is an older one; this command never makes a new one."""
    try:
        open_for_reading(url).close()
    except StoreNotFound:
        raise
    except StoreError:
        pass  # what stands in the way of reading is either mended by opening it, or said by that
    return open_store(url)


def metrics_in(text: str) -> tuple[str, ...]:
    """The metrics that were typed.

    Raises:
        UserError: unknown ones, or ones that no stored answer is enough for.
    """
    names = tuple(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))
    if own := [name for name in names if name in LIKELIHOOD_METRICS]:
        raise UserError(f"{', '.join(own)} cannot be judged again: only the student itself can weigh a reference")
    known = (*ANSWER_METRICS, *JUDGE_METRICS)
    if unknown := [name for name in names if name not in known]:
        raise UserError(f"unknown metric {', '.join(unknown)}: use {', '.join(known)}")
    if not names:
        raise UserError(f"no metric named: use {', '.join(known)}")
    return names


def _run(store: Store, name: str) -> queries.Run:
    run = queries.find_run(store, name)
    if run is None:
        raise UserError(f"no run {name!r}: list them with 'python -m runner status'")
    if run.active:
        raise UserError(f"run {name} is {run.work}: judge it again when it has ended")
    return run
