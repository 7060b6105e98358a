"""A run that curl launches is seen live by Server-Sent Events, its webhook arrives signed, and MLflow has its curve.

Interface and runner are processes of their own, as people start them; the student is the embedded one.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from distill import Client
from store.paths import default_paths

ROOT = Path(__file__).parents[3]
SETTINGS = {"preset": "embedded", "topics": ["pods"], "questions": 6, "held_out": 6, "taught_questions": 6, "cycles": 1,
            "steps": 4, "passes": None, "headline": "reference_nll", "general": 0}


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    data = tmp_path / "data"
    data.mkdir()
    if (models := default_paths().models).is_dir():  # unpacked before: not once more
        (data / "models").symlink_to(models)
    kept = {name: value for name, value in os.environ.items() if name != "STORE_URL"}
    return kept | {"DATA_DIR": str(data), "NO_PROXY": "127.0.0.1", "MLFLOW_ALLOW_FILE_STORE": "true"}


@pytest.fixture
def interface(environment: dict[str, str]) -> Iterator[str]:
    """The interface's address; a runner executes what it is asked for."""
    command = [sys.executable, "-m", "runner"]
    api = subprocess.Popen([*command, "api", "--port", "0"], cwd=ROOT, env=environment, stdout=subprocess.PIPE,
                           text=True)
    assert api.stdout is not None
    address = api.stdout.readline().partition(": ")[2].strip().removesuffix("/docs")
    runner = subprocess.Popen([*command, "serve"], cwd=ROOT, env=environment, stdout=subprocess.DEVNULL)
    yield address
    for process in (runner, api):
        process.send_signal(signal.SIGTERM)
    assert runner.wait(120) == 0
    api.wait(120)


@pytest.fixture
def received() -> Iterator[tuple[str, list[tuple[dict[str, str], bytes]], threading.Event]]:
    """A receiver's address, what it got, and whether it got anything."""
    got: list[tuple[dict[str, str], bytes]] = []
    arrived = threading.Event()

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            got.append(({name.lower(): value for name, value in self.headers.items()}, body))
            self.send_response(204)
            self.end_headers()
            arrived.set()

        def log_message(self, *args: Any) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Receiver) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/hook", got, arrived
        server.shutdown()
        thread.join()


@pytest.mark.slow
def test_from_curl_to_a_verdict_a_signed_message_and_a_curve(
        interface: str, environment: dict[str, str], received: Any, tmp_path: Path) -> None:
    url, got, arrived = received

    def runner(*arguments: str) -> str:
        return subprocess.run([sys.executable, "-m", "runner", *arguments], cwd=ROOT, env=environment, check=True,
                              capture_output=True, text=True).stdout

    def curl(path: str, *arguments: str) -> str:
        return subprocess.run(["curl", "-sS", f"{interface}{path}", *arguments], env=environment, check=True,
                              capture_output=True, text=True).stdout

    secret = runner("webhook", "add", "ours", url, "--on", "finished,failed", "--private-addresses").strip()
    run = json.loads(curl("/v1/runs", "-H", "Content-Type: application/json", "-H", "Idempotency-Key: build-1",
                          "-d", json.dumps({"settings": SETTINGS})))["id"]
    with Client(interface) as client:
        seen: list[str] = []
        for event in client.events(after=0, run=run, seconds=1500):
            seen.append(event.kind)
            if event.kind in ("RunFinished", "RunFailed"):
                break
        assert seen[0] == "RunRequested" and seen[-1] == "RunFinished", seen[-3:]
        assert {"RunStarted", "StageStarted", "MetricLogged", "ArmsCompared"} <= set(seen)
        verdict = client.verdict(run)
    loss = {point["step"]: point["value"] for point in json.loads(curl(f"/v1/runs/{run}/series?key=loss"))}
    assert verdict.verdict and arrived.wait(60)
    (headers, body), = got
    assert json.loads(body)["data"]["run"] == run and json.loads(body)["type"] == "finished"
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    expected = hmac.new(base64.b64decode(secret.removeprefix("whsec_")), signed, hashlib.sha256).digest()
    assert headers["webhook-signature"] == f"v1,{base64.b64encode(expected).decode()}"
    pytest.importorskip("mlflow")
    runner("export-events", "--to", f"mlflow:file:{tmp_path / 'mlruns'}")
    curve, = (tmp_path / "mlruns").rglob("cycle 1/loss")
    assert {int(line.split()[2]): float(line.split()[1]) for line in curve.read_text().splitlines()} == loss and loss
