"""A complete runner, `serve` with its scheduler and jobs, whose workers use fake models.

Run as: python serve_on_demand.py [--stand-by]; DATA_DIR and STORE_URL as ever, KILL_AT as in `worker_on_demand.py`.
"""

from __future__ import annotations

import os
import sys
from functools import partial
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT)]

from runner.cli.main import main  # noqa: E402
from runner.service import serve  # noqa: E402
from runner.service.supervisor import Supervisor  # noqa: E402

if __name__ == "__main__":
    os.environ["END_WITH_PARENT"] = "1"
    worker, answers = ((sys.executable, str(Path(__file__).with_name(name)))
                       for name in ("worker_on_demand.py", "answer_on_demand.py"))
    serve.Supervisor = partial(Supervisor, worker=worker, answers=answers)  # type: ignore[misc, assignment]
    sys.exit(main(["serve", *sys.argv[1:]]))
