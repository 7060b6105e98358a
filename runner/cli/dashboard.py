"""`dashboard`: serve the dashboard alone, in this process, until it is stopped."""

from __future__ import annotations

import argparse
import os
import sys

from runner.cli.program import ROOT
from store.paths import default_paths


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The address."""
    parser.add_argument("--port", type=int, default=8501, help="port to listen at (default: %(default)s)")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen at (default: %(default)s, this machine "
                        "only); dashboard/README.md says how to share it")


def run(args: argparse.Namespace) -> int:
    """Become the dashboard's process, in the folder that has its settings."""
    os.environ["DATA_DIR"] = str(default_paths().data.absolute())
    os.chdir(ROOT)
    os.execv(sys.executable, [sys.executable, "-m", "dashboard", "--server.port", str(args.port),
                              "--server.address", args.host])
