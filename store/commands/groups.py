"""Queue the runs of a group, all or none, and each of them once however often the command is repeated."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select

from store.commands.idempotency import record_once, run_of_token, stable_token
from store.commands.runs import CommandRefused, change_state_in_transaction, launch_in_transaction
from store.database import Store
from store.event_log.journal import append_without_claim
from store.events import RunCancelled, SettingsChosen
from store.permissions import Role, require_permission
from store.run_config import RunConfig, from_json, to_json
from store.config_checks import check
from store.schema import runs
from store.sweep import differing_shared_settings


@dataclass(frozen=True)
class QueuedGroup:
    """The ids of a plan's runs in its order; `known` were queued by an earlier command already."""

    runs: tuple[str, ...]
    known: frozenset[str]


def launch_group(store: Store, configs: Sequence[RunConfig], group: str, requested_by: str, priority: int = 0,
                 role: Role = Role.OPERATOR) -> QueuedGroup:
    """Queue the runs of a group in one transaction. A run that the group has already is not queued again.

    Raises:
        PermissionDenied: the role may not launch.
        InvalidConfig: any invalid value; nothing was written.
        CommandRefused: the group exists with another test; nothing was written.
    """
    require_permission(role, "launch")
    for config in configs:
        check(config)
    with store.write() as connection:
        existing = dict(connection.execute(
            select(runs.c.id, runs.c.config).where(runs.c.group_name == group)).tuples().all())
        _refuse_another_test(group, [from_json(text) for text in existing.values()], configs)
        tokens = [stable_token(connection, f"{group}\n{to_json(config)}", existing.__contains__) for config in configs]
        known = {run for token in tokens if (run := run_of_token(connection, token))}
        ids = [launch_in_transaction(connection, config, requested_by, token, priority, group)
               for config, token in zip(configs, tokens, strict=True)]
        return QueuedGroup(tuple(ids), frozenset(known))


def open_test(store: Store, chosen: Sequence[str], others: Sequence[str], event: SettingsChosen,
              role: Role = Role.OPERATOR) -> None:
    """Record the settings that were chosen for a group: runs with them go on to answer the test, the others end.

    A run that has ended keeps its state; one that was told so already is not told again.

    Args:
        chosen, others: ids of the group's runs with these settings, and with others.

    Raises:
        PermissionDenied: the role may not launch.
    """
    require_permission(role, "launch")
    with store.write() as connection:
        works = dict(connection.execute(select(runs.c.id, runs.c.work).where(
            runs.c.id.in_((*chosen, *others)))).tuples().all())
        for run in chosen:
            if record_once(connection, f"chosen {event.group} {run}", "choose", run):
                append_without_claim(connection, run, event)
                if works.get(run) == "paused":
                    change_state_in_transaction(connection, "resume", run)
        for run in others:
            if works.get(run) == "paused":
                append_without_claim(connection, run, RunCancelled(
                    f"other settings were chosen on the development questions ({event.settings}); this run's test "
                    "stays unanswered"))


def _refuse_another_test(group: str, existing: Sequence[RunConfig], configs: Sequence[RunConfig]) -> None:
    differing = sorted({name for one in existing[:1] for other in configs
                        for name in differing_shared_settings(one, other)})
    if differing:
        raise CommandRefused(f"group {group!r} has runs with another {', '.join(differing)}: choose another --group, "
                             "or the values that its runs have")
