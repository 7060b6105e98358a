"""`make chaos`: kill -9 at every numbered point and at random instants, faults, stops; the tally is the last line.

    python -m tests.chaos [--trials N] [--seed S]
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
from pathlib import Path

os.environ |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}  # no threads where there is forking

from tests.chaos.trials import Campaign, launches_once


def main() -> int:
    options = argparse.ArgumentParser(prog="python -m tests.chaos")
    options.add_argument("--trials", type=int, default=1000)
    options.add_argument("--seed", type=int, default=1)
    given = options.parse_args()
    memory = Path("/dev/shm")  # a kill -9 loses nothing that was written, synced or not: no disk is needed
    folder = Path(tempfile.mkdtemp(prefix="chaos-", dir=memory if memory.is_dir() else None))
    campaign = Campaign(folder, given.seed)
    calm = campaign.calm
    print(f"undisturbed: {calm.seconds:.2f} s, {len(calm.points['worker'])} points in the worker, "
          f"{len(calm.points['runner'])} in the runner", flush=True)
    failures = launches_once(folder, calm)
    tally = campaign.run(given.trials, lambda line: print(line, flush=True))
    failures += tally.failures
    if not failures:
        shutil.rmtree(folder)
    points = len(calm.points["worker"])
    print(f"chaos: {tally.trials} trials, {tally.kills} kill -9s, {tally.mishaps} faults and stops, "
          f"{len({p for p in tally.reached if p.startswith('worker')})} of {points} worker points, "
          f"{len(failures)} failures, {tally.seconds:.0f} s" + (f"; left in {folder}" if failures else ""))
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
