"""The long-lived processes as documented: they start, serve, refuse a second one, and stop cleanly."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

from store import queries
from store.database import open_store
from tests.runner.watching import LIMIT_SECONDS, until

ROOT = Path(__file__).resolve().parents[3]


def start(data: Path, *arguments: str, **environment: str) -> subprocess.Popen[str]:
    # A suite that was started in the background ignores SIGINT, and a child would inherit that.
    return subprocess.Popen([sys.executable, "-m", "runner", *arguments], cwd=ROOT, text=True, stdout=subprocess.PIPE,
                            stderr=subprocess.STDOUT, env=os.environ | {"DATA_DIR": str(data)} | environment,
                            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler))


def test_serve_is_seen_refuses_a_second_one_and_stops_on_sigterm(tmp_path: Path) -> None:
    serving = start(tmp_path, "serve")
    store = open_store(f"sqlite:///{tmp_path / 'events.db'}")
    until(lambda: any(runner.connected for runner in queries.runners(store)))
    second = start(tmp_path, "serve")
    said, _ = second.communicate(timeout=LIMIT_SECONDS)
    assert second.returncode == 2 and f"process {serving.pid}" in said and "Traceback" not in said
    serving.send_signal(signal.SIGTERM)
    said, _ = serving.communicate(timeout=LIMIT_SECONDS)
    assert serving.returncode == 0 and "runner stopped" in said
    assert queries.runners(store) == []
    store.close()


def test_demo_serves_both_starts_a_killed_runner_again_and_stops_on_ctrl_c(tmp_path: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    demo = start(tmp_path, "demo", "--no-run", PORT=str(port), SERVE="1")
    health = f"http://127.0.0.1:{port}/_stcore/health"

    def healthy() -> bool:
        try:
            with urllib.request.urlopen(health, timeout=300) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    until(healthy)
    store = open_store(f"sqlite:///{tmp_path / 'events.db'}")
    until(lambda: any(runner.connected for runner in queries.runners(store)))
    assert demo.stdout and any("press Ctrl-C" in line for line in demo.stdout)  # as far as that line
    killed = queries.connected_runners(store)[0].pid
    os.kill(killed, signal.SIGKILL)
    assert "the runner ended by itself (signal SIGKILL); starting it again" in next(demo.stdout)
    assert healthy(), "the dashboard stays up"
    until(lambda: any(runner.pid != killed for runner in queries.connected_runners(store)))
    demo.send_signal(signal.SIGINT)
    said, _ = demo.communicate(timeout=LIMIT_SECONDS)
    assert demo.returncode == 0, said
    assert not healthy()
    until(lambda: not queries.connected_runners(store))
    store.close()
