"""`python -m dashboard [--server.port 8501 ...]`: serve the dashboard with any of Streamlit's options.

The same as `streamlit run dashboard/app.py`, but that no reply waits: Streamlit's sockets hold back what follows the
headers until the browser acknowledges them, 44 ms for each of the 110 files of a first visit (measured, loopback).
"""

from __future__ import annotations

import socket
import sys
from pathlib import Path

from streamlit.web import cli

_listen = socket.socket.listen


def _listen_without_delay(self: socket.socket, *backlog: int) -> None:
    """Listen, with `TCP_NODELAY` for every connection that is accepted."""
    _listen(self, *backlog)
    if self.family in (socket.AF_INET, socket.AF_INET6) and self.type == socket.SOCK_STREAM:
        self.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


if __name__ == "__main__":
    socket.socket.listen = _listen_without_delay  # type: ignore[method-assign,assignment]
    cli.main(["run", str(Path(__file__).with_name("app.py")), *sys.argv[1:]], prog_name="streamlit")
