"""Serve an app over HTTP in this process until it is asked to stop, and say when it answers."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any

from runner.errors import UserError

LOOPBACK = ("127.0.0.1", "localhost", "::1")
STOP_SECONDS = 5
"""How long answers that are under way may take after Ctrl-C."""
_POLL_SECONDS = 0.05


def bound_socket(host: str, port: int) -> socket.socket:
    """Bind an address before anything slow is done; port 0 takes a free one.

    Raises:
        UserError: the port is taken, or the host is no address of this machine.
    """
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        bound = socket.create_server((host, port), family=family)
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise UserError(f"nothing can be served at {host}:{port}: {reason}; take another --port, or --port 0 for a "
                        "free one") from error
    # Accepted connections inherit it. Without, a body waits up to 40 ms for the acknowledgement of its headers: asyncio
    # turns that off for sockets that name their protocol alone.
    bound.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return bound


def base_url(host: str, bound: socket.socket) -> str:
    """The base URL at which clients on this machine reach the endpoint."""
    reached = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    return f"http://{f'[{reached}]' if ':' in reached else reached}:{bound.getsockname()[1]}"


def serve(app: Any, bound: socket.socket, url: str, ready: Callable[[], None],
          stopping: Callable[[], None] = lambda: None) -> None:
    """Serve until Ctrl-C or SIGTERM.

    Args:
        app: an ASGI app.
        bound: the socket at which it is served.
        url: its base URL.
        ready: called once `/health` answers.
        stopping: called when the end was asked for, to end answers that would go on for ever.

    Raises:
        KeyboardInterrupt: it was stopped by Ctrl-C.
    """
    import uvicorn  # late: slow

    class Server(uvicorn.Server):
        def handle_exit(self, sig: int, frame: FrameType | None) -> None:
            stopping()
            super().handle_exit(sig, frame)

    server = Server(uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=STOP_SECONDS))
    with _called_when_healthy(f"{url}/health", ready):
        server.run(sockets=[bound])


@contextlib.contextmanager
def _called_when_healthy(url: str, ready: Callable[[], None]) -> Iterator[None]:
    """Call a function from a thread of its own once an address answers."""
    ended = threading.Event()
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def wait() -> None:
        while not ended.is_set():
            with contextlib.suppress(urllib.error.URLError, OSError), direct.open(url, timeout=2):
                ready()
                return
            time.sleep(_POLL_SECONDS)

    thread = threading.Thread(target=wait, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
