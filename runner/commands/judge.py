"""`judge`: scores a run's stored answers again; nothing is generated, and the run's own scores stay as they are."""

from __future__ import annotations

import argparse

from runner.commands.bad_input import BadInput
from store import queries
from store.database import NoStoreYet, Store, StoreUnusable, open_for_reading, open_store
from store.locations import locations
from store.measures import ANSWER_METRICS, JUDGE_METRICS, LIKELIHOOD_METRICS


def options(one: argparse.ArgumentParser) -> None:
    """Which run, by which metrics and whom."""
    one.add_argument("run", help="a run's id, as `status` shows it")
    one.add_argument("--metrics", required=True, metavar="A,B",
                     help=f"of {', '.join((*ANSWER_METRICS, *JUDGE_METRICS))}")
    one.add_argument("--judge", metavar="NAME", help="a judge model's name; the run's own by default")
    one.add_argument("--judge-base-url", metavar="URL", help="its OpenAI-compatible endpoint")
    one.add_argument("--cycle", type=int, metavar="K", help="this cycle's answers alone, the test's included")
    one.add_argument("--estimate", action="store_true", help="only say what it would cost")


def carry_out(options: argparse.Namespace) -> int:
    """Check everything first, say what it will cost, and judge."""
    from runner.rejudging import judge_again, order_of
    from runner.summary import change_lines

    store = _store(locations().store_url)
    order = order_of(_run(store, options.run), metrics_in(options.metrics), options.judge, options.judge_base_url,
                     options.cycle)
    if estimated := order.estimate(store):
        print(estimated.sentence(), flush=True)
    if options.estimate:
        return 0
    number = judge_again(store, order, lambda line: print(line, flush=True))
    print(f"\njudging {number} of run {order.run.id}; the run's own scores and its verdict stay as they are")
    print(*change_lines(queries.changes_again(store, order.run.id, number)), sep="\n")
    return 0


def _store(url: str) -> Store:
    """The store to write to, brought up to date where it is an older one; this command never makes a new one."""
    try:
        open_for_reading(url).close()
    except NoStoreYet:
        raise
    except StoreUnusable:
        pass  # what stands in the way of reading is either mended by opening it, or said by that
    return open_store(url)


def metrics_in(text: str) -> tuple[str, ...]:
    """The metrics that were typed.

    Raises:
        BadInput: unknown ones, or ones that no stored answer is enough for.
    """
    names = tuple(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))
    if own := [name for name in names if name in LIKELIHOOD_METRICS]:
        raise BadInput(f"{', '.join(own)} cannot be judged again: only the student itself can weigh a reference")
    known = (*ANSWER_METRICS, *JUDGE_METRICS)
    if unknown := [name for name in names if name not in known]:
        raise BadInput(f"unknown metric {', '.join(unknown)}: use {', '.join(known)}")
    if not names:
        raise BadInput(f"no metric named: use {', '.join(known)}")
    return names


def _run(store: Store, name: str) -> queries.Run:
    run = queries.run_named(store, name)
    if run is None:
        raise BadInput(f"no run {name!r}: list them with 'python -m runner status'")
    if run.active:
        raise BadInput(f"run {name} is {run.work}: judge it again when it has ended")
    return run
