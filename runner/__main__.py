"""The command line: `python -m runner --help` is the page to work from."""

from __future__ import annotations

import sys

from runner.command_line import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
