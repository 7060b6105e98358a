"""Query people's flags on a run's questions."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from store.database import Store
from store.events import ItemFlagged
from store.queries.event_log import events_of_kinds


@dataclass(frozen=True)
class ItemFlag:
    """One person's flag on one question, as it stands now."""

    question_id: str
    flag: str
    reason: str
    by: str
    at: datetime


def flags_of(store: Store, run: str) -> list[ItemFlag]:
    """Return the flags that were not withdrawn, oldest first; of one person's same flag the last reason counts."""
    latest: dict[tuple[str, str, str], ItemFlag | None] = {}
    for recorded in events_of_kinds(store, run, (ItemFlagged,)):
        event = recorded.event
        if isinstance(event, ItemFlagged):
            latest[event.question_id, event.flag, event.by] = None if event.withdrawn else ItemFlag(
                event.question_id, event.flag, event.reason, event.by, recorded.at)
    return [flag for flag in latest.values() if flag]
