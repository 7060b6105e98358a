"""The error that commands raise for invalid input, or a state that the user has to fix."""

from __future__ import annotations


class UserError(Exception):
    """An error that the user can fix; the message says what to do. Exit code 2, and nothing was written."""
