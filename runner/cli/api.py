"""`api`: serve the REST interface until it is asked to stop."""

from __future__ import annotations

import argparse
import functools
import json
import signal
import threading
import time
from collections.abc import Callable
from types import FrameType
from typing import Any

from runner.errors import UserError
from runner.export.chat_server import LOOPBACK, base_url, bound_socket, serve
from store.database import Store, open_store
from store.paths import Paths, default_paths
from store.program_name import NAME
from store.queries.api_tokens import api_tokens

PORT = 8600
MOST_FILES = 65_536
DOCTOR_SECONDS = 60.0
"""How long an examination of the machine, which takes seconds, is shown again."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The address, and who may ask how often."""
    parser.add_argument("--host", default=LOOPBACK[0], help="address to listen at (default: %(default)s, this machine "
                        "only); at any other one every request needs a token")
    parser.add_argument("--port", type=int, default=PORT, help="port to listen at; 0 takes a free one "
                        "(default: %(default)s)")
    parser.add_argument("--tokens-only", action="store_true", help="ask programs of this machine for a token too")
    parser.add_argument("--rate", type=float, default=50.0, metavar="N",
                        help="most requests per second of one caller, on average (default: %(default)g)")
    parser.add_argument("--openapi", action="store_true", help="print the OpenAPI document instead")


def run(args: argparse.Namespace) -> int:
    """Serve, or print the document."""
    from runner.api.app import create_app
    from runner.hardware import share_one_heap
    from runner.service.runner_log import log_event
    from runner.webhooks.delivery import Sender

    if not 0.1 <= args.rate <= 100_000:
        raise UserError(f"--rate {args.rate:g} is out of range: use 0.1 to 100,000 requests per second")
    paths = default_paths()
    if args.openapi:
        print(openapi_text())
        return 0
    share_one_heap()
    _allow_many_connections()
    signal.signal(signal.SIGTERM, _interrupt)  # uvicorn ends its work and raises the signal again
    shared = args.host not in LOOPBACK
    with bound_socket(args.host, args.port) as bound:
        store = open_store(paths.store_url)
        if (shared or args.tokens_only) and not any(token.state == "valid" for token in api_tokens(store)):
            raise UserError(f"{args.host} needs tokens and there is none: make one with '{NAME} token add "
                            "NAME --scope view'" + (f", or serve at {LOOPBACK[0]}" if shared else ""))
        url = base_url(args.host, bound)
        context = context_for(store, paths, shared or args.tokens_only, args.rate)
        app = create_app(context)
        stop = threading.Event()
        sender = threading.Thread(target=Sender(store, log_event).run_until, args=(stop,), daemon=True)
        sender.start()
        try:
            serve(app, bound, url, lambda: print(f"REST interface: {url}/docs\nCtrl-C ends it.", flush=True),
                  context.feed.close)
        except KeyboardInterrupt:
            print("\nstopped")
        finally:
            stop.set()
            sender.join()
            store.close()
    return 0


def _allow_many_connections() -> None:
    """Raise the limit of open files, which connections count as: many systems begin with 1,024."""
    import resource  # late: Windows has none

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = MOST_FILES if hard == resource.RLIM_INFINITY else min(hard, MOST_FILES)
    if soft != resource.RLIM_INFINITY and soft < most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))


def context_for(store: Store, paths: Paths, tokens_only: bool = False, rate: float = 50.0) -> Any:
    """Return what the app is built with; the parameters are those of the command line."""
    from runner.api.context import ApiContext
    from runner.api.event_poller import EventPoller
    from runner.cli.doctor import findings
    from runner.pipeline.preflight import preflight_errors

    return ApiContext(store, paths, EventPoller(store), _shown_again(functools.partial(findings, paths)),
                      lambda config: preflight_errors(config, paths), tokens_only, rate)


def openapi_text() -> str:
    """Return the OpenAPI document as JSON; no store is opened."""
    from runner.api.app import create_app
    from runner.api.context import ApiContext

    nothing: Any = None
    app = create_app(ApiContext(nothing, nothing, nothing, dict, lambda config: [], False, 1.0))
    return json.dumps(app.openapi(), indent=1, ensure_ascii=False)


def _shown_again(examine: Callable[[], dict[str, Any]]) -> Callable[[], dict[str, Any]]:
    """Examine at most once in DOCTOR_SECONDS."""
    known: list[tuple[float, dict[str, Any]]] = []

    def found() -> dict[str, Any]:
        if not known or time.monotonic() - known[-1][0] > DOCTOR_SECONDS:
            known[:] = [(time.monotonic(), examine())]
        return known[-1][1]

    return found


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt
