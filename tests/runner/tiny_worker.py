"""A worker process with a real tiny student: `python tiny_worker.py RUN OWNER FENCE ATTEMPT`."""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(Path(__file__).parent)]

from runner.pipeline.worker import execute_claimed_run  # noqa: E402
from runner.service.parent_death import die_with_parent  # noqa: E402
from store.event_log.journal import Claim  # noqa: E402
from store.paths import default_paths  # noqa: E402
from tests.runner.tiny_runs import tiny_resources  # noqa: E402

if __name__ == "__main__":
    run, owner, fence, attempt = sys.argv[1:]
    die_with_parent(owner)
    sys.exit(execute_claimed_run(Claim(run, owner, int(fence), int(attempt)), default_paths(), tiny_resources))
