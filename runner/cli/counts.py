"""Read a whole number in a range from the command line."""

from __future__ import annotations

import argparse
from collections.abc import Callable


def count_of(what: str, most: int, least: int = 1) -> Callable[[str], int]:
    """Return a reader for argparse, which refuses everything but a whole number in the range.

    Args:
        what: what is counted, in the plural, for the message.
        most, least: the range.
    """
    def read(text: str) -> int:
        if not text.isdecimal() or not least <= int(text) <= most:
            raise argparse.ArgumentTypeError(f"{text!r} is not a number of {what}: use {least} to {most}")
        return int(text)

    return read
