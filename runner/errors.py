"""The error that commands raise for invalid input, or a state that the user has to fix; and one line of any error."""

from __future__ import annotations


class UserError(Exception):
    """An error that the user can fix; the message says what to do. Exit code 2, and nothing was written."""


def first_line(error: BaseException, longest: int = 300) -> str:
    """The first line of an error's message, cut to so many characters; the name of its class if it has no message."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:longest]
