"""Project forecasts, and what their runs measured."""

from __future__ import annotations

import dataclasses
import json

from sqlalchemy import Connection

from store import events, schema
from store.events import Recorded
from store.projections.row_updates import Apply, moment, update_row, upsert


def _registered(connection: Connection, recorded: Recorded, event: events.ForecastRegistered) -> None:
    values = dataclasses.asdict(event)
    pilots = json.dumps(values.pop("pilots"), sort_keys=True)
    upsert(connection, schema.forecasts, [{
        "run": recorded.run, "group_name": values.pop("group"), **values, "pilots": pilots,
        "registered_at": moment(recorded)}])


def _scored(connection: Connection, recorded: Recorded, event: events.ForecastScored) -> None:
    update_row(connection, schema.forecasts, {"run": recorded.run},
               {"measured": event.change, "held": event.held, "scored_at": moment(recorded)})


APPLY: dict[type[events.Event], Apply] = {
    events.ForecastRegistered: _registered,
    events.ForecastScored: _scored,
}
