"""`mcp`: tools for a language model's program over standard input and output, by a running REST interface."""

from __future__ import annotations

import argparse
import os

from distill.client import ADDRESS, Client
from runner.errors import UserError

TOKEN_VARIABLE = "DISTILL_TOKEN"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The REST interface."""
    parser.add_argument("--address", default=ADDRESS, metavar="URL",
                        help="the REST interface, as `api` prints it (default: %(default)s); its token is read from "
                             f"{TOKEN_VARIABLE}")


def run(args: argparse.Namespace) -> int:
    """Serve until standard input ends."""
    try:
        from distill.mcp_server import build_server
    except ImportError as error:
        raise UserError("MCP is not installed: pip install mcp") from error
    with Client(args.address, os.environ.get(TOKEN_VARIABLE) or None) as client:
        build_server(client).run()
    return 0
