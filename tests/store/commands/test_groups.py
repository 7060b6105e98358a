"""Queueing a group: all of its runs or none, and each once however often the command is repeated."""

from __future__ import annotations

import dataclasses

import pytest

from store import commands, queries
from store.commands import CommandRefused
from store.database import Store
from store.permissions import PermissionDenied, Role
from store.projections.rebuild import rebuild
from store.run_config import InvalidConfig, RunConfig
from store.presets import preset
from store.sweep import plan_runs


def configs(seeds: tuple[int, ...] = (1, 2, 3), **changes: object) -> tuple[RunConfig, ...]:
    return plan_runs(lambda point: preset("embedded", **(changes | dict(point))), {}, seeds, group="g").configs


def test_the_runs_of_a_group_are_queued_in_order_with_its_name(store: Store) -> None:
    queued = commands.launch_group(store, configs(), "g", "test")
    assert not queued.known and [run.id for run in queries.queue(store)] == list(queued.runs)
    found = queries.runs_of_group(store, "g")
    assert [run.config.training_seed for run in found] == [1, 2, 3] and {run.group for run in found} == {"g"}
    assert queries.group_sizes(store)["g"].works == {"queued": 3}
    alone = commands.launch_run(store, preset("embedded"), "test")
    assert (run := queries.find_run(store, alone)) and run.group == "" and not queries.runs_of_group(store, "")


def test_queueing_twice_doubles_nothing_and_more_seeds_join(store: Store) -> None:
    first = commands.launch_group(store, configs((1, 2)), "g", "test")
    again = commands.launch_group(store, configs((1, 2)), "g", "test")
    assert again.runs == first.runs and again.known == set(first.runs)
    more = commands.launch_group(store, configs((1, 2, 3)), "g", "test")
    assert more.known == set(first.runs) and len(queries.runs_of_group(store, "g")) == 3
    assert not commands.launch_group(store, configs((1, 2)), "h", "test").known  # another name is another group


def test_a_run_that_was_deleted_is_queued_again(store: Store) -> None:
    run, *_ = commands.launch_group(store, configs((1, 2)), "g", "test").runs
    commands.change_run_state(store, "cancel", run)
    from store.commands import ratings_and_tags

    ratings_and_tags.delete(store, run, "test")
    again = commands.launch_group(store, configs((1, 2)), "g", "test")
    assert len(again.known) == 1 and run not in again.runs and len(queries.runs_of_group(store, "g")) == 2


def test_a_group_with_another_test_is_refused_and_nothing_is_queued(store: Store) -> None:
    commands.launch_group(store, configs((1,)), "g", "test")
    with pytest.raises(CommandRefused, match="group 'g' has runs with another held_out: choose another --group"):
        commands.launch_group(store, configs((2, 3), held_out=20), "g", "test")
    bad = dataclasses.replace(configs((2,))[0], questions=0)
    with pytest.raises(InvalidConfig):
        commands.launch_group(store, [*configs((3,)), bad], "g", "test")
    with pytest.raises(PermissionDenied):
        commands.launch_group(store, configs((4,)), "g", "test", role=Role.VIEWER)
    assert len(queries.all_runs(store)) == 1


def test_a_failure_in_the_middle_queues_none(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    from store.commands import groups

    launch, calls = groups.launch_in_transaction, []

    def second_fails(*args: object) -> str:
        calls.append(args)
        if len(calls) == 2:
            raise OSError("killed")
        return launch(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(groups, "launch_in_transaction", second_fails)
    with pytest.raises(OSError, match="killed"):
        commands.launch_group(store, configs(), "g", "test")
    assert not queries.all_runs(store)
    assert not commands.launch_group(store, configs(), "g", "test").known


def test_a_rebuild_of_the_read_models_keeps_the_group(store: Store) -> None:
    commands.launch_group(store, configs(), "g", "test")
    before = queries.runs_of_group(store, "g")
    with store.write() as connection:
        rebuild(connection)
    assert queries.runs_of_group(store, "g") == before
