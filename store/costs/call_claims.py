"""Claims on LLM calls that several runs need: one run makes the call, the others wait for its stored response.

A claim is valid while its run holds a valid lease, so the call of a runner that exited is free as soon as its run is.
"""

from __future__ import annotations

from sqlalchemy import delete, select, update
from sqlalchemy.dialects import postgresql, sqlite

from store.database import Store
from store.event_log.lease_expiry import held_now
from store.schema import call_claims, claims


def claim_call(store: Store, key: str, run: str) -> bool:
    """Claim a call for a run; False while another run that is being executed holds it.

    Args:
        key: the call's cache key.
    """
    with store.write() as connection:
        dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
        inserted = dialect.insert(call_claims).values(key=key, run=run)
        if connection.execute(inserted.on_conflict_do_nothing(index_elements=["key"]).returning(
                call_claims.c.key)).scalar() is not None:
            return True
        held = select(call_claims.c.run).where(call_claims.c.key == key).with_for_update()
        holder = connection.execute(held).scalar()
        if holder not in (None, run) and connection.execute(
                select(claims.c.run).where(claims.c.run == holder, held_now())).scalar() is not None:
            return False
        connection.execute(update(call_claims).where(call_claims.c.key == key).values(run=run))
        return holder is not None


def release_call(store: Store, key: str, run: str) -> None:
    """End a run's claim on a call."""
    with store.write() as connection:
        connection.execute(delete(call_claims).where(call_claims.c.key == key, call_claims.c.run == run))
