"""Create PostgreSQL engines, and replace NUL characters, which its text type cannot hold.

A model's answer or an imported document can contain NUL, and SQLite stores it. For PostgreSQL each NUL is replaced by
the symbol U+2400; an event's payload is JSON, where NUL is escaped, so the event itself loses nothing.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Engine, create_engine, event
from sqlalchemy.engine import URL

NUL, SIGN_FOR_NUL = "\x00", "\u2400"
IDLE_SECONDS = 30
"""The server ends a write transaction in which nothing happens for this long, which is as long as a lease. One whose
process is suspended, or whose host is cut off, would keep its run locked from those who are to take it over."""
IDLE_TOO_LONG = "25P03"
"""SQLSTATE of a transaction that was ended so."""


def engine_for(address: URL, writes: bool) -> Engine:
    """Create an engine with a connection pool; with `writes=False` its transactions are read-only."""
    options = {} if writes else {"execution_options": {"postgresql_readonly": True}}
    engine = create_engine(address, pool_pre_ping=True, **options)
    if engine.driver == "psycopg":
        event.listen(engine, "connect", _write_nul_as_its_sign)
    if writes:
        event.listen(engine, "connect", _limit_idle_transactions)
    return engine


def _limit_idle_transactions(raw: Any, _record: Any) -> None:
    raw.cursor().execute(f"SET idle_in_transaction_session_timeout = '{IDLE_SECONDS}s'")
    raw.commit()


def _write_nul_as_its_sign(raw: Any, _record: Any) -> None:
    from psycopg.types.string import StrDumperUnknown  # the default dumper of text, in Python so it can be subclassed

    class WithoutNul(StrDumperUnknown):
        def dump(self, obj: str) -> Any:
            return super().dump(obj.replace(NUL, SIGN_FOR_NUL) if NUL in obj else obj)

    raw.adapters.register_dumper(str, WithoutNul)
