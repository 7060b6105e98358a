"""What stands between clients and a fake S3, and fails on demand: no connection, errors, or uploads that break off."""

from __future__ import annotations

import contextlib
import selectors
import socket
import socketserver
import struct
import threading
from collections.abc import Iterator

WELL, REFUSES, ERRS, BREAKS_OFF = "well", "refuses", "errs", "breaks off"
_BREAK_BYTES = 1500
_ERROR = (b"HTTP/1.1 503 Slow Down\r\ncontent-type: application/xml\r\nconnection: close\r\ncontent-length: 73\r\n\r\n"
          b"<Error><Code>SlowDown</Code><Message>Reduce your rate.</Message></Error> ")


class FailingS3(socketserver.ThreadingTCPServer):
    """Passes bytes on in both directions while `mode` is WELL."""

    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 64

    def __init__(self, behind: tuple[str, int]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.behind, self.mode, self.failed = behind, WELL, 0


class _Handler(socketserver.BaseRequestHandler):
    server: FailingS3

    def handle(self) -> None:
        with contextlib.suppress(OSError), socket.create_connection(self.server.behind) as behind:
            self._pass_on(behind)

    def _pass_on(self, behind: socket.socket) -> None:
        passed, other = 0, {self.request: behind, behind: self.request}
        with selectors.DefaultSelector() as waiting:
            for side in other:
                waiting.register(side, selectors.EVENT_READ)
            while True:
                for key, _ in waiting.select():
                    side: socket.socket = key.fileobj  # type: ignore[assignment]
                    data = side.recv(65_536)
                    if not data or (side is self.request and self._fails(passed)):
                        return
                    passed += len(data) if side is self.request else 0
                    other[side].sendall(data)

    def _fails(self, passed: int) -> bool:
        """Fail as the mode says; a connection that breaks off is first passed on for a while."""
        mode = self.server.mode
        if mode == WELL or (mode == BREAKS_OFF and passed < _BREAK_BYTES):
            return False
        self.server.failed += 1
        if mode == ERRS:
            self.request.sendall(_ERROR)
        else:
            self.request.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        return True


@contextlib.contextmanager
def failing_s3(address: str) -> Iterator[FailingS3]:
    """Stand in front of the fake S3 at an address."""
    host, _, port = address.removeprefix("http://").partition(":")
    with FailingS3((host, int(port))) as server:
        threading.Thread(target=server.serve_forever, args=(0.1,), daemon=True).start()
        yield server
        server.shutdown()
