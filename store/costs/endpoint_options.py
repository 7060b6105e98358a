"""Request options that endpoints have refused, kept for later runs until they are forgotten.

Kept by address, model and reasoning effort: some models take a temperature with one effort and not with another.
"""

from __future__ import annotations

from sqlalchemy import delete, select
from sqlalchemy.dialects import postgresql, sqlite

from store.database import Store
from store.schema import endpoint_options
from store.timestamps import utc_now

_TABLE = endpoint_options.c


def refused_options(store: Store, address: str, model: str, effort: str) -> dict[str, str]:
    """Return what is sent instead of each option that this endpoint refused; an empty text stands for nothing.

    Args:
        address: base URL without user, password and query.
        effort: the reasoning effort that is asked for; empty where none is sent.
    """
    with store.read() as connection:
        rows = connection.execute(select(_TABLE.option, _TABLE.sent_instead).where(
            _TABLE.address == address, _TABLE.model == model, _TABLE.effort == effort)).all()
    return {row.option: row.sent_instead for row in rows}


def record_refused_option(store: Store, address: str, model: str, effort: str, option: str, sent_instead: str,
                          message: str) -> None:
    """Keep that an endpoint refuses an option; what was known of the option is replaced.

    Args:
        address, model, effort: as for `refused_options`.
        sent_instead: what is sent from now on; empty for nothing.
        message: the endpoint's own words.
    """
    values = {"sent_instead": sent_instead, "message": message, "at": utc_now()}
    with store.write() as connection:
        dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
        statement = dialect.insert(endpoint_options).values(address=address, model=model, effort=effort, option=option,
                                                            **values)
        connection.execute(statement.on_conflict_do_update(
            index_elements=["address", "model", "effort", "option"], set_=values))


def forget_refused_options(store: Store, address: str, model: str) -> int:
    """Forget what an endpoint refused, with any effort; return how many options that were."""
    with store.write() as connection:
        return connection.execute(delete(endpoint_options).where(
            _TABLE.address == address, _TABLE.model == model)).rowcount
