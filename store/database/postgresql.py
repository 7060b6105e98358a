"""PostgreSQL as a server: how it is connected to, and what its texts cannot hold.

It has no character NUL, which a model's answer or a foreign document can bring along and SQLite keeps. What is written
there has the sign for it in its place, as a person would be shown it; an event's own payload is JSON and keeps it.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Engine, create_engine, event
from sqlalchemy.engine import URL

NUL, SIGN_FOR_NUL = "\x00", "\u2400"


def engine_for(address: URL, writes: bool) -> Engine:
    """An engine with a pool; a reader's transactions cannot write."""
    options = {} if writes else {"execution_options": {"postgresql_readonly": True}}
    engine = create_engine(address, pool_pre_ping=True, **options)
    if engine.driver == "psycopg":
        event.listen(engine, "connect", _write_nul_as_its_sign)
    return engine


def _write_nul_as_its_sign(raw: Any, _record: Any) -> None:
    from psycopg.types.string import StrDumperUnknown  # how texts are sent by default; written in Python, to vary

    class WithoutNul(StrDumperUnknown):
        def dump(self, obj: str) -> Any:
            return super().dump(obj.replace(NUL, SIGN_FOR_NUL) if NUL in obj else obj)

    raw.adapters.register_dumper(str, WithoutNul)
