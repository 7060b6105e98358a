"""Register the forecast of a run before it starts: the run is queued paused, with its forecast on record."""

from __future__ import annotations

from sqlalchemy import Connection, select

from store.commands.idempotency import run_of_token, stable_token
from store.commands.runs import launch_in_transaction
from store.config_checks import check
from store.database import Store
from store.event_log.journal import append_without_claim
from store.events import ForecastRegistered, RunPaused
from store.permissions import Role, require_permission
from store.run_config import RunConfig, to_json
from store.schema import runs


def register_forecast(store: Store, config: RunConfig, forecast: ForecastRegistered, advice: str, requested_by: str,
                      role: Role = Role.OPERATOR) -> str:
    """Queue the run that was forecast, paused until a person decides, and record its forecast; return its id.

    The same pilots register the same run once, unless it was deleted.

    Args:
        advice: what follows from the forecast, in one sentence.

    Raises:
        PermissionDenied: the role may not launch.
        InvalidConfig: any invalid value; nothing was written.
    """
    require_permission(role, "launch")
    check(config)
    with store.write() as connection:
        token = stable_token(connection, f"forecast {forecast.group}\n{to_json(config)}",
                             lambda run: bool(connection.execute(select(runs.c.id).where(runs.c.id == run)).scalar()))
        return run_of_token(connection, token) or _registered(connection, config, forecast, advice, requested_by, token)


def _registered(connection: Connection, config: RunConfig, forecast: ForecastRegistered, advice: str,
                requested_by: str, token: str) -> str:
    run = launch_in_transaction(connection, config, requested_by, token, 0)
    append_without_claim(connection, run, forecast, RunPaused(
        f"It waits for your decision on its forecast. {advice}",
        "Resume the run to execute it, and cancel it to leave it out."))
    return run
