"""`make bench`: measures side by side in one run and prints a table; writes data/bench/latest.json.

Times depend on the machine and on who else uses it: read the ratios.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from store.locations import locations
from tests.bench.appends import measure_appends


def main() -> int:
    rows = measure_appends()
    width = max(len(row.what) for row in rows)
    for row in rows:
        print(f"{row.what:{width}}  {row.per_second:10.0f} /s  {row.ratio:6.2f} x  ({row.against})")
    path = Path(locations().data) / "bench" / "latest.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps([row.__dict__ for row in rows], indent=1))
    print(f"written to {path}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
