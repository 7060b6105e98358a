"""`make test-postgres`: what can run on PostgreSQL, on a server that is started for it, or on the one in `STORE_URL`.

The store's own tests, a runner with its workers, the dashboard's pages, several runners on one store, and a short
campaign of kills. What is SQLite's alone (files, backups, disks, the power cuts) is left out.
"""

from __future__ import annotations

import os
import subprocess
import sys

from tests.addresses import SERVER
from tests.store.postgres_server import NoServer, server

_FILES = "backup or archive or copied or doctor or pruning or log_ or systemd or container or unit"
PARTS: tuple[tuple[str, ...], ...] = (
    ("-m", "", "-k", "postgresql", "tests/store"),
    ("-k", f"not ({_FILES})", "tests/runner/service/test_supervisor.py", "tests/runner/service/test_at_once.py",
     "tests/runner/service/test_stopping.py", "tests/runner/service/test_operations.py",
     "tests/runner/service/test_operating.py", "tests/runner/pipeline/test_shared_files.py",
     "tests/runner/playground/test_worker.py"),
    ("-k", "not judge_model", "tests/runner/batches/test_batch_runs.py"),
    ("-k", "kept_by_address or later_run", "tests/runner/teacher/test_remembered_options.py"),
    ("-k", "not is_no_database", "tests/dashboard/test_pages.py"),
    ("-m", "", "tests/chaos/test_two_runners.py"),
)
TRIALS = 20


def main() -> int:
    """The highest exit code of all parts; each is run whatever came of the one before."""
    try:
        with server() as url:
            environment = {key: value for key, value in os.environ.items() if key != "STORE_URL"} | {SERVER: url}
            codes = [_run(environment, "-m", "pytest", *part, *sys.argv[1:]) for part in PARTS]
            codes.append(_run(environment, "-m", "tests.chaos.on_postgresql", str(TRIALS)))
            return max(codes)
    except NoServer as error:
        print(error)
        return 1


def _run(environment: dict[str, str], *command: str) -> int:
    print(f"\npython {' '.join(command)}", flush=True)
    return subprocess.run([sys.executable, *command], env=environment).returncode


if __name__ == "__main__":
    sys.exit(main())
