"""Roles and their permissions. Checked where a command is written, so that a hidden button is never the only guard.

Does not authenticate: the caller of a command passes the role. A person at the machine's own command line is an
operator; the dashboard determines the role of its visitor.
"""

from __future__ import annotations

from enum import Enum


class Role(Enum):
    """Role of a person; `PERMISSIONS` has what each may do."""

    VIEWER = "viewer"
    REVIEWER = "reviewer"
    OPERATOR = "operator"


_EVERYTHING = frozenset({"launch", "cancel", "pause", "resume", "retry", "prioritise", "archive", "delete", "rate",
                         "annotate", "schedule", "ask", "verify", "flag", "comment", "edit", "approve"})
PERMISSIONS: dict[Role, frozenset[str]] = {
    Role.VIEWER: frozenset(),
    Role.REVIEWER: frozenset({"rate", "annotate", "ask", "flag", "comment"}),
    Role.OPERATOR: _EVERYTHING,
}
"""The commands that each role may write."""


class PermissionDenied(PermissionError):
    """This role may not write this command; nothing was written."""


def require_permission(role: Role, kind: str) -> None:
    """Raise unless the role may write this command.

    Raises:
        PermissionDenied: the message names the roles that may.
    """
    if kind not in PERMISSIONS[role]:
        who = " or ".join(f"{other.value}s" for other in Role if kind in PERMISSIONS[other])
        raise PermissionDenied(f"{role.value}s may not {kind}: ask one of the {who}")
