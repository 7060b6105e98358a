"""The command line: `python -m runner --help` is the page to work from."""

from __future__ import annotations

import sys

from runner.cli.main import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
