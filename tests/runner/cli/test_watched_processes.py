"""What `demo` and `make run` started ends with them, however impatient a person is."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import psutil

from tests.runner.watching import LIMIT_SECONDS, until

ROOT = Path(__file__).resolve().parents[3]
STUBBORN = """
import os, signal, sys, time
from pathlib import Path

folder = Path(sys.argv[1])
signal.signal(signal.SIGTERM, lambda *_: (folder / "asked to stop").touch())
(folder / f"ready {os.getpid()}").touch()
while True:
    time.sleep(600)
"""
SCRIPT = """
import signal, sys
from pathlib import Path
from runner.cli.watched_processes import WatchedProcess, Watcher, stop_all

signal.signal(signal.SIGINT, signal.default_int_handler)
children = [WatchedProcess(str(at), [sys.executable, *sys.argv[1:]], "", Path.cwd()) for at in range(2)]
for child in children:
    child.start()
input()
stop_all(Watcher(children, print), children)
"""


def test_a_second_ctrl_c_kills_what_does_not_stop_and_shows_no_traceback(tmp_path: Path) -> None:
    (tmp_path / "stubborn.py").write_text(STUBBORN)
    process = subprocess.Popen([sys.executable, "-c", SCRIPT, str(tmp_path / "stubborn.py"), str(tmp_path)], cwd=ROOT,
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert process.stdin
    until(lambda: process.poll() is not None or len(list(tmp_path.glob("ready *"))) == 2)
    process.stdin.write("\n")
    process.stdin.flush()
    until(lambda: process.poll() is not None or (tmp_path / "asked to stop").exists())
    process.send_signal(signal.SIGINT)
    said, _ = process.communicate(timeout=LIMIT_SECONDS)
    assert process.returncode == 0 and "Traceback" not in said, said
    assert not any(psutil.pid_exists(int(path.name.split()[1])) for path in tmp_path.glob("ready *"))
