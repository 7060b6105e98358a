"""Reading the runner's log: across rotations, from two processes, with truncated lines."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from runner.cli import logs
from runner.cli.main import main
from runner.service import runner_log
from store.paths import Paths
from tests.runner.watching import LIMIT_SECONDS

ROOT = Path(__file__).resolve().parents[3]
LOGGING = """
import sys, time
from pathlib import Path
from runner.service import process_locks, runner_log
from store.paths import Paths

def wait(seconds):
    print("stands by", flush=True)
    time.sleep(0.01)

data, who, count = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
runner_log.FILE_BYTES, runner_log.FILES_KEPT = 4000, 200
process_locks.acquire_runner_lock(data, wait)
runner_log.configure(Paths(data, ""), on_screen=False)
for number in range(count):
    runner_log.log_event("counted", by=who, number=number)
    print(number, flush=True)
    time.sleep(0.002)  # a quick machine would fill more files than are kept
"""


def test_two_processes_that_write_the_log_in_turn_lose_no_line_over_many_files(
        paths: Paths, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def start(who: str, count: int) -> subprocess.Popen[str]:
        return subprocess.Popen([sys.executable, "-c", LOGGING, str(paths.data), who, str(count)], cwd=ROOT,
                                stdout=subprocess.PIPE, text=True)

    with start("first", 10**9) as first:
        assert first.stdout and first.stdout.readline() == "0\n"
        with start("second", 200) as second:
            assert second.stdout and second.stdout.readline() == "stands by\n"
            for _ in range(150):
                acknowledged = int(first.stdout.readline())
            first.kill()
            acknowledged = max(acknowledged, *map(int, first.stdout.read().split()[:-1] or [0]))
            second.communicate(timeout=LIMIT_SECONDS)
    monkeypatch.setenv("DATA_DIR", str(paths.data))
    monkeypatch.setattr(runner_log, "FILES_KEPT", 200)
    assert main(["logs", "--json", "--lines", "100000"]) == 0
    told = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    counts = {name: [line["number"] for line in told if line.get("by") == name] for name in ("first", "second")}
    assert counts["first"] == list(range(len(counts["first"]))) and len(counts["first"]) > acknowledged
    assert counts["second"] == list(range(200))
    assert [line["by"] for line in told] == sorted(line["by"] for line in told)  # never both at once
    files = list((paths.data / "logs").iterdir())
    assert len(files) > 5 and all(file.stat().st_size <= 4000 for file in files)


def test_the_log_is_followed_over_rotations_and_past_a_torn_line(paths: Paths,
                                                                 monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "POLL_SECONDS", 0.05)
    monkeypatch.setattr(runner_log, "FILE_BYTES", 2000)
    monkeypatch.setattr(runner_log.logger, "handlers", [])
    path = runner_log.log_path(paths)
    path.parent.mkdir(parents=True)
    path.write_bytes(b'{"at": "2026-01-01T00:00:00+00:00", "what": "torn off he\n')
    runner_log.configure(paths, on_screen=False)
    runner_log.log_event("counted", number=0, separator="\u2028")
    following = logs._of_runner(path, 2, follow=True)
    assert [next(following)["what"][-6:], next(following)["number"]] == ["off he", 0]
    for start in (1, 61):  # each time over more than one rotation
        for number in range(start, start + 40):
            runner_log.log_event("counted", number=number)
        assert [next(following)["number"] for _ in range(40)] == list(range(start, start + 40))
    assert len(list(path.parent.iterdir())) > 3
    for handler in runner_log.logger.handlers:
        handler.close()


def test_no_log_yet_is_said_with_what_writes_one(paths: Paths, monkeypatch: pytest.MonkeyPatch,
                                                 capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("DATA_DIR", str(paths.data))
    assert main(["logs"]) == 2
    assert "no log at" in (said := capsys.readouterr().err) and "runner serve" in said
