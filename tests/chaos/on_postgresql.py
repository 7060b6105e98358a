"""The kill campaign on PostgreSQL: a transaction is rolled back with its connection."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from pathlib import Path

os.environ |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}  # no threads where there is forking

from tests.chaos.trials import Campaign, launches_once


def main(trials: int) -> int:
    folder = Path(tempfile.mkdtemp(prefix="chaos-"))
    campaign = Campaign(folder, seed=1)
    failures = launches_once(folder, campaign.calm)
    tally = campaign.run(trials)
    failures += tally.failures
    print("\n".join(f"FAILED {failure}" for failure in failures), end="\n" if failures else "")
    print(f"chaos on PostgreSQL: {tally.trials} trials, {tally.kills} kill -9s, {tally.mishaps} faults and stops in "
          f"{tally.seconds:.0f} s; {len(failures)} failures")
    if not failures:
        shutil.rmtree(folder)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1])))
