"""`make bench`: measures side by side in one run, prints a table, keeps it in data/bench/latest.json.

`make bench ARGS="appends generation"` runs some of them; what the others found before stays in the file. `engines` and
`first-load` run only where they are named: the engines live in environments of their own, and the other needs Chromium.
Times depend on the machine and on who else uses it: read the ratios.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path

from store.paths import default_paths
from tests.bench.row import Row, as_table

# name -> module and function; imported when it is run, for some need torch and some must not have it
BENCHMARKS: dict[str, str] = {
    "appends": "tests.bench.appends:measure_appends",
    "cycle": "tests.bench.cycle:measure_cycle",
    "engines": "tests.bench.engines:measure_engines",
    "cluster": "tests.bench.cluster:measure_cluster",
    "contention": "tests.bench.contention:measure_contention",
    "group-statistics": "tests.bench.group_statistics:measure_group_statistics",
    "large-store": "tests.bench.large_store:measure_large_store",
    "first-load": "tests.bench.first_load:measure_first_load",
    "generation": "tests.bench.generation:measure_generation",
    "load": "tests.bench.load:measure_load",
    "pages": "tests.bench.pages:measure_pages",
    "reading": "tests.bench.reading:measure_reading",
    "scale": "tests.bench.scale:measure_scale",
    "side-by-side": "tests.bench.side_by_side:measure_side_by_side",
    "training": "tests.bench.training:measure_training",
}
BY_HAND = ("engines", "first-load", "side-by-side")


def main(arguments: list[str]) -> int:
    """Run the benchmarks that are named, or all."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"any of {', '.join(BENCHMARKS)}; by default "
                                                                f"all but {', '.join(BY_HAND)}")
    names = parser.parse_args(arguments).names or [name for name in BENCHMARKS if name not in BY_HAND]
    if unknown := [name for name in names if name not in BENCHMARKS]:
        parser.error(f"no benchmark {', '.join(unknown)}: use {', '.join(BENCHMARKS)}")
    for name in names:
        module, _, function = BENCHMARKS[name].partition(":")
        measure: Callable[[], list[Row]] = getattr(import_module(module), function)
        rows = measure()
        print(f"\n{name}\n\n{as_table(rows)}", flush=True)
        _keep(name, rows)
    return 0


def _keep(name: str, rows: list[Row]) -> None:
    path = Path(default_paths().data) / "bench" / "latest.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    kept = json.loads(path.read_text()) if path.exists() else {}
    kept = kept if isinstance(kept, dict) else {}
    kept[name] = {"at": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}", "load": os.getloadavg()[0],
                  "rows": [dataclasses.asdict(row) | {"met": row.met} for row in rows]}
    path.write_text(json.dumps(kept, indent=1))
    print(f"\nkept in {path}", flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
