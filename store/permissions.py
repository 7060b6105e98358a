"""Who may ask what. Checked where a command is written, so that a hidden button is never the only guard.

Knows no sign-in: whoever writes a command says in which role. A person at the machine's own command line is an
operator; the dashboard finds out who is looking at it.
"""

from __future__ import annotations

from enum import Enum


class Role(Enum):
    """What somebody may do."""

    VIEWER = "viewer"
    REVIEWER = "reviewer"
    OPERATOR = "operator"


_EVERYTHING = frozenset({"launch", "cancel", "pause", "resume", "retry", "prioritise", "archive", "delete", "rate",
                         "annotate", "schedule", "ask"})
PERMISSIONS: dict[Role, frozenset[str]] = {
    Role.VIEWER: frozenset(),
    Role.REVIEWER: frozenset({"rate", "annotate", "ask"}),
    Role.OPERATOR: _EVERYTHING,
}
"""For each role the commands that it may write."""


class PermissionDenied(PermissionError):
    """This role may not write this command; nothing was written."""


def require_permission(role: Role, kind: str) -> None:
    """Pass, or raise.

    Raises:
        PermissionDenied: with who may.
    """
    if kind not in PERMISSIONS[role]:
        who = " or ".join(f"{other.value}s" for other in Role if kind in PERMISSIONS[other])
        raise PermissionDenied(f"{role.value}s may not {kind}: ask one of the {who}")
