"""Whether a lease holds at this moment: computed whenever it is read, so a dead runner never shows as a running one.

A lease that ends further ahead than any that is ever granted comes from another time: the clock was set back since. It
holds no more, or a dead runner would keep its run for as long as the clock had jumped; a live one renews it at once.
"""

from __future__ import annotations

import time
from typing import Any

from sqlalchemy import ColumnElement, and_, not_

from store.schema import claims

LEASE_SECONDS = 30.0
"""A claim that nobody renews for so long is free for the next runner."""
MAX_PLAUSIBLE_LEASE_SECONDS = 10 * LEASE_SECONDS


def lease_valid(expires_at: float | None) -> bool:
    """Whether a lease with this end holds now."""
    now = time.time()
    return expires_at is not None and now <= expires_at <= now + MAX_PLAUSIBLE_LEASE_SECONDS


def held_now() -> ColumnElement[bool]:
    """The same as a condition on rows of `claims`."""
    now: Any = time.time()
    return and_(claims.c.expires_at.is_not(None), claims.c.expires_at.between(now, now + MAX_PLAUSIBLE_LEASE_SECONDS))


def free_now() -> ColumnElement[bool]:
    """The opposite; true also where nobody holds a claim."""
    return not_(held_now())
