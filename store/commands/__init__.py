"""Write commands of people: launch and control runs, annotate, ask the playground, schedule. All dashboard writes."""

from __future__ import annotations

from store.commands.forecasts import register_forecast
from store.commands.groups import QueuedGroup, launch_group, open_test
from store.commands.idempotency import find_command, new_token, record_once
from store.commands.queue_priority import prioritise
from store.commands.runs import TRANSITIONS, CommandRefused, change_run_state, launch_in_transaction, launch_run

__all__ = [
    "CommandRefused", "QueuedGroup", "TRANSITIONS", "change_run_state", "find_command", "launch_group",
    "launch_in_transaction", "launch_run", "new_token", "open_test", "prioritise", "record_once", "register_forecast",
]
