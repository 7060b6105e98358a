"""Decide whether a lease is valid now. Computed on every read, so an exited runner never shows as a running one.

A lease that ends further ahead than any lease is granted for was written before the clock was set back. It counts as
expired: otherwise an exited runner would keep its run for as long as the clock jumped. A live runner renews at once.
"""

from __future__ import annotations

import time
from typing import Any

from sqlalchemy import ColumnElement, and_, not_

from store.schema import claims

LEASE_SECONDS = 30.0
"""A claim that is not renewed for this long can be taken by the next runner."""
MAX_PLAUSIBLE_LEASE_SECONDS = 10 * LEASE_SECONDS


def lease_valid(expires_at: float | None) -> bool:
    """Whether a lease that ends at this Unix time (None: no lease) is valid now."""
    now = time.time()
    return expires_at is not None and now <= expires_at <= now + MAX_PLAUSIBLE_LEASE_SECONDS


def held_now() -> ColumnElement[bool]:
    """`lease_valid` as an SQL condition on rows of `claims`."""
    now: Any = time.time()
    return and_(claims.c.expires_at.is_not(None), claims.c.expires_at.between(now, now + MAX_PLAUSIBLE_LEASE_SECONDS))


def free_now() -> ColumnElement[bool]:
    """The negation of `held_now`; also true for rows that no runner holds."""
    return not_(held_now())
