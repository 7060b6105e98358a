"""Run the dashboard as a process, started by the documented command on a free port."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]


@dataclass
class Server:
    """A running dashboard; `exit_code` is set once it has stopped."""

    address: str
    pid: int
    exit_code: int | None = None

    @property
    def at(self) -> str:
        """Host and port."""
        return self.address.removeprefix("http://")

    def get(self, path: str) -> str:
        with urllib.request.urlopen(self.address + path, timeout=300) as reply:
            return str(reply.read().decode())


def free_port() -> int:
    """A free local port."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@contextmanager
def serve(data: Path, every_seconds: float = 0.2, port: int | None = None, root: Path = ROOT) -> Iterator[Server]:
    """Start the dashboard, wait until it responds, yield it, and stop it; by default on a free port.

    Args:
        data: its data folder.
        every_seconds: how often it is asked whether it responds.
        port: the port, free by default.
        root: the checkout whose dashboard it is.
    """
    port = port or free_port()
    environment = {key: value for key, value in os.environ.items() if key != "STORE_URL"} | {"DATA_DIR": str(data)}
    command = [sys.executable, "-m", "dashboard", "--server.port", str(port)]
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(command, cwd=root, env=environment, stdout=log, stderr=subprocess.STDOUT)
        server = Server(f"http://127.0.0.1:{port}", process.pid)
        try:
            _wait(server, process, every_seconds)
            yield server
        finally:
            process.terminate()
            server.exit_code = process.wait(timeout=600)


def _wait(server: Server, process: subprocess.Popen[bytes], every_seconds: float,
          seconds: float = 120) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        assert process.poll() is None, "the start command ended by itself"
        try:
            if server.get("/_stcore/health") == "ok":
                return
        except OSError:
            time.sleep(every_seconds)
    raise AssertionError("the dashboard did not answer in time")
