"""`transformers serve` on loopback: a server that is not ours, with a model of a folder."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

START_SECONDS = 900.0
"""A busy machine takes many times as long as an idle one, which takes 6 s."""


@dataclass(frozen=True)
class Served:
    """A running server."""

    url: str
    log: Path

    @property
    def completions(self) -> int:
        """How many chat completions it has given."""
        return len(re.findall(r'"POST /v1/chat/completions HTTP/1.1" 200', self.log.read_text()))


@contextmanager
def served(model: Path, folder: Path, *options: str) -> Iterator[Served]:
    """Serve a model folder in single precision on as many threads as this process may use."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    (folder / "hub").mkdir()
    environment = os.environ | {"HF_HUB_OFFLINE": "1", "HF_HUB_CACHE": str(folder / "hub")}
    log_file = folder / "serve.log"
    with log_file.open("w") as log:
        # Most CPUs multiply in bf16, the precision of many model files, tens of times more slowly.
        server = subprocess.Popen([Path(sys.executable).with_name("transformers"), "serve", str(model), "--host",
                                   "127.0.0.1", "--port", str(port), "--device", "cpu", "--dtype", "float32",
                                   *options], env=environment, stdout=log, stderr=subprocess.STDOUT)
        try:
            _wait_until_healthy(port, server, log_file)
            yield Served(f"http://127.0.0.1:{port}/v1", log_file)
        finally:
            server.kill()
            server.wait()


def _wait_until_healthy(port: int, server: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until:
        assert server.poll() is None, log.read_text()[-2000:]
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=2):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    pytest.fail(f"no server after {START_SECONDS:g} s: {log.read_text()[-2000:]}")
