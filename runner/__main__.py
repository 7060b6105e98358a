"""Entry point of the command line; see `python -m runner --help`."""

from __future__ import annotations

import sys

from runner.cli.main import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
