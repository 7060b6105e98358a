"""`knowledge`: what can be taught."""

from __future__ import annotations

import argparse

from knowledge.folder import NoSuchFolder, NothingReadable
from knowledge.topics import BUILT_IN
from runner.commands.bad_input import BadInput


def options(one: argparse.ArgumentParser) -> None:
    """Which knowledge, and how it is printed."""
    one.add_argument("--json", action="store_true", help="print one JSON object: topic -> source -> counts")
    one.add_argument("--knowledge", default=BUILT_IN, metavar="DIR", help="a folder, not the built-in domain")


def carry_out(options: argparse.Namespace) -> int:
    """Print topics with their passages and questions."""
    from runner.status import show_knowledge

    try:
        return show_knowledge(options.json, options.knowledge)
    except (NoSuchFolder, NothingReadable) as error:
        raise BadInput(str(error)) from error
