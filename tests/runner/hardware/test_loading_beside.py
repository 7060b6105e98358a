"""One thread measures and loads while another is loading: neither meets a library that is half imported."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from pathlib import Path

from runner.hardware import loading_seconds, time_loading

ROOT = Path(__file__).resolve().parents[3]
MEASURES_WHILE_TORCH_IS_IMPORTED = """
import importlib, itertools, sys, threading
from runner.hardware import track_stage_memory
from runner.hardware.utilization import UtilizationClock

use = UtilizationClock(itertools.count(0, 10).__next__)
loading = threading.Thread(target=importlib.import_module, args=("torch",))
loading.start()
while loading.is_alive():
    track_stage_memory()()
    use.due()
print("torch" in sys.modules)
"""


def test_memory_is_measured_while_another_thread_imports_torch() -> None:
    done = subprocess.run([sys.executable, "-c", MEASURES_WHILE_TORCH_IS_IMPORTED], cwd=ROOT, capture_output=True,
                          text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "True\n"), done.stderr


def test_two_threads_load_one_after_the_other_and_each_counts_its_own_time() -> None:
    inside, most, counted = [0], [0], list[float]()

    def load() -> None:
        before = loading_seconds()
        with time_loading(), time_loading():
            inside[0] += 1
            most[0] = max(most[0], inside[0])
            threading.Event().wait(0.1)
            inside[0] -= 1
        counted.append(loading_seconds() - before)
    threads = [threading.Thread(target=load) for _ in range(3)]
    began = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == [1]
    assert min(counted) >= 0.1 and sum(counted) <= time.monotonic() - began  # waiting for another is no loading
