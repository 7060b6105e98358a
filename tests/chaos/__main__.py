"""`make chaos`: kill -9 at every numbered point and at random times, faults, stop requests; the last line is a summary.

    python -m tests.chaos [--trials N] [--seed S] [--real N]

By default 1,000 trials include 10 with the real models, and shorter campaigns proportionally fewer.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
from pathlib import Path

os.environ |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}  # no threads where there is forking

from tests.chaos import failing_store, power_cuts, real_models
from tests.chaos.hosts import HostCampaign
from tests.chaos.trials import Campaign, launches_once


def main() -> int:
    given = _options()
    memory = Path("/dev/shm")  # a kill -9 loses nothing that was written, synced or not: no disk is needed
    folder = Path(tempfile.mkdtemp(prefix="chaos-", dir=memory if memory.is_dir() else None))
    campaign = Campaign(folder, given.seed)
    calm = campaign.calm
    _tell(f"undisturbed: {calm.seconds:.2f} s, {len(calm.points['worker'])} points in the worker, "
          f"{len(calm.points['runner'])} in the runner")
    failures = launches_once(folder, calm)
    tally = campaign.run(given.trials, _tell)
    failures += tally.failures
    points = len(calm.points["worker"])
    reached = sum(point.startswith("worker") for point in tally.reached)
    parts = [f"{tally.trials} trials, {tally.kills} kill -9s, {tally.mishaps} faults and stops, {reached} of {points} "
             f"worker points in {tally.seconds:.0f} s"]
    if given.real:
        real = real_models.run(given.real, given.seed, folder, _tell)
        parts.append(f"{real.trials} trials with real models, {real.kills} kill -9s")
        failures += real.failures
    cuts = power_cuts.run(given.trials // 2, given.seed)
    parts.append(f"{cuts.cuts} power cuts that lost {cuts.lost} acknowledged events")
    failures += cuts.failures
    elsewhere = HostCampaign(folder / "hosts", given.seed)
    moved = elsewhere.run(given.trials // 10, _tell)
    parts.append(f"{moved.trials} trials over {elsewhere.hosts} hosts with one artifact store, {moved.kills} kill -9s")
    failures += moved.failures
    failing = failing_store.run(given.trials // 10, given.seed, folder / "failing")
    parts.append(f"{failing.trials} runs through {failing.faults.total()} faults of the store")
    failures += failing.failures
    for failure in failures:
        _tell(f"FAILED {failure}")
    if not failures:
        shutil.rmtree(folder)
    print(f"chaos: {'; '.join(parts)}; {len(failures)} failures" + (f", left in {folder}" if failures else ""))
    return 1 if failures else 0


def _options() -> argparse.Namespace:
    options = argparse.ArgumentParser(prog="python -m tests.chaos")
    options.add_argument("--trials", type=int, default=1000)
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--real", type=int, help="trials with the real models (default: one for a hundred)")
    given = options.parse_args()
    given.real = given.trials // 100 if given.real is None else given.real
    return given


def _tell(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    sys.exit(main())
