"""A small HTTP server in place of an OpenAI-compatible endpoint: it lists its models to whoever has the key."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@contextmanager
def endpoint(key: str = "") -> Iterator[str]:
    """Serve on a free port; yields the base URL. With a `key`, every other one is refused."""
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            known = not key or self.headers.get("Authorization") == f"Bearer {key}"
            self.send_response(200 if known else 401)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
