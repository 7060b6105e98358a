"""Project trained adapters and the paired changes."""

from __future__ import annotations

import dataclasses
import json

from sqlalchemy import Connection

from store import events, schema
from store.events import Recorded
from store.projections.row_updates import Apply, set_cycle, upsert


def _trained(connection: Connection, recorded: Recorded, event: events.AdapterTrained) -> None:
    set_cycle(connection, recorded, adapter=event.adapter, adapter_sha256=event.sha256,
              training_seconds=event.seconds, training=json.dumps(dataclasses.asdict(event), sort_keys=True))


def _compared(connection: Connection, recorded: Recorded, event: events.ArmsCompared) -> None:
    cycle = event.of_cycle or recorded.cycle or 0
    upsert(connection, schema.changes, [
        {"run": recorded.run, "cycle": cycle, **dataclasses.asdict(c)} for c in event.changes])


APPLY: dict[type[events.Event], Apply] = {
    events.AdapterTrained: _trained,
    events.ArmsCompared: _compared,
}
