"""What a command raises when a person has to mend something."""

from __future__ import annotations


class UserError(Exception):
    """Something that a person can mend; the message says what and how. Exit code 2, nothing was written."""
