"""The console command `distill`, which is `python -m runner` of an installed wheel.

The program's folders have names as general as `store`. In a wheel they are inside this package, in `_app`, which is put
on the path here, so that no other program of the environment finds them.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from distill.setup_command import HELP as SETUP_HELP
from distill.setup_command import set_up

APP = Path(__file__).parent / "_app"


def main() -> int:
    """Run a command; without `_app`, as in a checkout, the folders are those beside this package."""
    root = APP if APP.is_dir() else Path(__file__).parents[1]
    sys.path.insert(0, str(root))
    # The program's own processes start in `root`: what is relative to this folder is fixed before.
    os.environ.setdefault("DATA_DIR", str(Path("data").absolute()))
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, (str(root), os.environ.get("PYTHONPATH", ""))))
    arguments = sys.argv[1:]
    if arguments[:1] == ["setup"]:
        return set_up(root, arguments[1:])
    from runner.cli.main import main as run_command

    if arguments[:1] in (["--help"], ["-h"]):
        print(f"{SETUP_HELP}\n")
    return run_command(arguments)


if __name__ == "__main__":
    sys.exit(main())
