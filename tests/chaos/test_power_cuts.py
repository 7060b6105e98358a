"""Power cuts at random times: acknowledged events survive, and a less durable store is detected."""

from __future__ import annotations

from tests.chaos.power_cuts import run


def test_no_acknowledged_event_is_lost_in_a_power_cut() -> None:
    tally = run(trials=15, seed=7)
    assert tally.failures == []
    assert (tally.cuts, tally.lost, tally.unsound) == (15, 0, 0)


def test_the_simulated_disk_loses_what_was_not_synced() -> None:
    assert run(trials=6, seed=1, synchronous="NORMAL").lost > 0
