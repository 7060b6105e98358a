"""What a worker uses now: measured every few seconds, of the process with its children."""

from __future__ import annotations

import time

import psutil

from runner.hardware.utilization import EVERY_SECONDS, UtilizationClock


def test_the_first_call_measures_nothing_and_the_next_ones_wait() -> None:
    now = [0.0]
    clock = UtilizationClock(lambda: now[0])
    assert clock.due() == []
    now[0] = EVERY_SECONDS - 0.1
    assert clock.due() == []
    now[0] = EVERY_SECONDS
    assert {reading.key for reading in clock.due()} >= {"cpu_percent", "resident_bytes"}
    assert clock.due() == []


def test_the_cpu_is_the_share_of_all_cores_that_was_used_since() -> None:
    now = [0.0]
    clock = UtilizationClock(lambda: now[0])
    clock.due()
    until = time.process_time() + 0.5
    while time.process_time() < until:
        pass
    now[0] = EVERY_SECONDS
    found = {reading.key: reading.value for reading in clock.due()}
    least = 100 * 0.5 / EVERY_SECONDS / (psutil.cpu_count() or 1)
    assert 0.9 * least <= found["cpu_percent"] <= 100
    assert found["resident_bytes"] >= 0.9 * psutil.Process().memory_info().rss
