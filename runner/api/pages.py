"""Pages of long lists, and the cursors between them."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Annotated, Any, Generic, TypeVar

from fastapi import Query
from pydantic import BaseModel

from runner.errors import UserError

Item = TypeVar("Item")
MOST = 10**9
"""The largest number in a cursor."""
Limit = Annotated[int, Query(ge=1, le=500, description="Most items of the page.")]
Cursor = Annotated[str, Query(max_length=400, description="`next` of the page before; empty: the first page.")]


class Page(BaseModel, Generic[Item]):
    """A part of a list."""

    items: list[Item]
    next: str | None
    """The cursor of the next page; null: there is none."""


def cursor_text(**position: Any) -> str:
    """Encode a position in a list, and of which list it is."""
    return base64.urlsafe_b64encode(json.dumps(position, sort_keys=True).encode()).decode().rstrip("=")


def is_number(value: Any) -> bool:
    """Return whether a part of a cursor is a whole number that a list can have."""
    return type(value) is int and 0 <= value <= MOST


def cursor_position(cursor: str, valid: Callable[[dict[str, Any]], bool], **of: Any) -> dict[str, Any]:
    """Decode a cursor; empty for the first page.

    Args:
        cursor: what `cursor_text` wrote, or what somebody else made up.
        valid: whether the position can be one of this list.
        of: the list that is asked for; the cursor must be of the same one.

    Raises:
        UserError: it is no cursor of this list.
    """
    if not cursor:
        return {}
    try:
        position = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        if not isinstance(position, dict) or any(position.get(key) != value for key, value in of.items()):
            raise ValueError
        if not valid(position):
            raise ValueError
    except (ValueError, RecursionError):
        raise UserError(f"cursor {cursor[:60]!r} is none of this list: take `next` of a page of the same request, or "
                        "leave it out") from None
    return position
