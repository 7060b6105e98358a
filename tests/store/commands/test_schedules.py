"""A recurring run is due when its line says so, in its zone; each due moment comes to exactly one thing, on record."""

from __future__ import annotations

import dataclasses
import json
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select, text, update

from store import queries, schema
from store.commands import CommandRefused, schedules
from store.commands.recurrence import Recurrence, next_due, timing_errors
from store.database import Store
from store.event_log.journal import read_events
from store.events import ScheduleFailed, ScheduleFired, ScheduleMissed, ScheduleSkipped
from store.projections.rebuild import rebuild
from store.run_config import RunConfig
from tests.plain_runs import plain_run

NIGHTLY = Recurrence(cron="0 2 * * *", zone="Europe/Berlin")


def add(store: Store, name: str = "nightly", timing: Recurrence = NIGHTLY, **more: object) -> None:
    schedules.add(store, name, timing, plain_run(), "test", **more)  # type: ignore[arg-type]


def due_of(store: Store, name: str = "nightly") -> datetime:
    due = schedules_of(store, name).next_due_at
    assert due
    return due


def schedules_of(store: Store, name: str = "nightly") -> queries.Schedule:
    found = queries.find_schedule(store, name)
    assert found
    return found


@pytest.mark.parametrize(("cron", "weekday"), [("0 2 * * 0", "Sun"), ("0 2 * * 7", "Sun"), ("0 2 * * 1", "Mon"),
                                               ("0 2 * * fri", "Fri"), ("0 2 * * 6", "Sat")])
def test_weekdays_are_counted_as_cron_counts_them(cron: str, weekday: str) -> None:
    assert next_due(Recurrence(cron=cron), datetime.now(UTC), datetime.now(UTC)).strftime("%a") == weekday


def test_two_at_night_stays_two_at_night_when_the_clocks_change() -> None:
    winter, summer = (next_due(NIGHTLY, datetime(2027, month, 10, 12, tzinfo=UTC), datetime.now(UTC))
                      for month in (1, 7))
    assert [moment.astimezone(ZoneInfo("Europe/Berlin")).hour for moment in (winter, summer)] == [2, 2]
    assert (winter.hour, summer.hour) == (1, 0)


@pytest.mark.parametrize(("timing", "said"), [
    (Recurrence(cron="0 0 30 2 *"), "never due"), (Recurrence(cron="61 * * * *"), "cannot be read"),
    (Recurrence(cron="* * *"), "3 fields and needs 5"), (Recurrence(cron="0 2 1 * mon"), "make two schedules"),
    (Recurrence(every_seconds=5), "1 minute to 366 days"), (Recurrence(), "either"),
    (Recurrence("* * * * *", 60), "not both"),
    (Recurrence("0 2 * * *", zone="Mars/Olympus"), "Mars/Olympus")])
def test_a_timing_that_cannot_be_kept_is_refused(timing: Recurrence, said: str) -> None:
    (error,) = timing_errors(timing)
    assert said in error


def test_everything_wrong_is_said_at_once_and_nothing_is_written(store: Store) -> None:
    with pytest.raises(schedules.InvalidSchedule) as refused:
        schedules.add(store, "/etc", Recurrence("0 0 31 4 *", zone="nowhere"), RunConfig(questions=0), "test")
    assert len(refused.value.errors) == 4 and queries.schedules(store) == []


def test_a_due_schedule_queues_one_run_however_often_and_by_whomever_it_is_asked(store: Store) -> None:
    add(store)
    due = due_of(store)
    assert schedules.trigger_due(store, due - timedelta(seconds=1)) == []
    (fired,) = schedules.trigger_due(store, due)
    assert isinstance(fired, ScheduleFired) and schedules.trigger_due(store, due) == []
    (run,) = queries.all_runs(store)
    assert (run.id, run.requested_by, run.config) == (fired.run, "schedule nightly", plain_run())
    now = schedules_of(store)
    assert (now.last_outcome, now.last_run, now.next_due_at) == ("fired", run.id, due + timedelta(days=1))


def test_a_run_that_still_waits_is_not_joined_by_another_unless_that_is_wanted(store: Store) -> None:
    add(store)
    add(store, "eager", skip_if_queued=False)
    for _ in range(2):
        told = schedules.trigger_due(store, max(due_of(store), due_of(store, "eager")))
    assert {type(event) for event in told} == {ScheduleFired, ScheduleSkipped}
    assert queries.count_of_runs(store) == 3
    assert schedules_of(store).last_outcome == "skipped" and "queued" in (schedules_of(store).last_message or "")


def test_what_nobody_saw_in_time_is_missed_and_only_the_latest_is_made_up_for(store: Store) -> None:
    add(store, "hourly", Recurrence(every_seconds=3600))
    due = due_of(store, "hourly")
    missed, fired = schedules.trigger_due(store, due + timedelta(hours=5, seconds=30))
    assert isinstance(missed, ScheduleMissed) and missed.times == 5 and isinstance(fired, ScheduleFired)
    (late,) = schedules.trigger_due(store, due + timedelta(hours=6, seconds=schedules.GRACE_SECONDS + 60))
    assert isinstance(late, ScheduleMissed) and late.times == 1
    assert schedules_of(store, "hourly").next_due_at == due + timedelta(hours=7)
    assert queries.count_of_runs(store) == 1


def test_a_configuration_that_this_version_refuses_is_a_failed_firing(store: Store) -> None:
    add(store)
    with store.write() as connection:
        bad = json.dumps(dataclasses.asdict(plain_run()) | {"questions": 5000})
        connection.execute(update(schema.schedules).values(config=bad))
    (failed,) = schedules.trigger_due(store, due_of(store))
    assert isinstance(failed, ScheduleFailed) and "5000" in failed.message and queries.count_of_runs(store) == 0


@pytest.mark.parametrize(("spoilt", "said"), [({"zone": "Mars/Olympus"}, "Mars/Olympus"),
                                              ({"cron": "0 0 30 2 *"}, "never due"), ({"cron": None}, "either")])
def test_a_schedule_that_can_be_due_no_more_is_told_once_and_holds_no_other_up(store: Store, spoilt: dict[str, str],
                                                                               said: str) -> None:
    """As where a newer list of time zones has no such zone, or somebody wrote into the table."""
    add(store)
    add(store, "second", Recurrence(every_seconds=60))
    due = max(due_of(store), due_of(store, "second"))
    with store.write() as connection:
        connection.execute(update(schema.schedules).where(schema.schedules.c.name == "nightly").values(**spoilt))
    told = schedules.trigger_due(store, due)
    (failed,) = [event for event in told if isinstance(event, ScheduleFailed)]
    assert said in failed.message and any(isinstance(event, ScheduleFired) for event in told)
    shown = schedules_of(store)
    assert (shown.enabled, shown.next_due_at, shown.last_outcome) == (False, None, "failed")
    assert not [event for event in schedules.trigger_due(store, due) if isinstance(event, ScheduleFailed)]
    with pytest.raises(CommandRefused, match=f"cannot be resumed.*{said}"):
        schedules.resume(store, "nightly")


def test_a_clock_that_jumps_back_fires_nothing_twice_and_one_that_jumps_ahead_makes_up_for_one(store: Store) -> None:
    add(store, "hourly", Recurrence(every_seconds=3600))
    due = due_of(store, "hourly")
    assert len(schedules.trigger_due(store, due)) == 1
    assert schedules.trigger_due(store, due - timedelta(hours=2)) == []
    assert schedules.trigger_due(store, due) == [] and queries.count_of_runs(store) == 1  # and not again on the way
    told = schedules.trigger_due(store, due + timedelta(days=100, seconds=1))
    assert {type(event) for event in told} == {ScheduleMissed, ScheduleSkipped}
    assert queries.count_of_runs(store) == 1 and due_of(store, "hourly") > due + timedelta(days=100)


def test_a_paused_schedule_is_not_due_and_a_removed_one_is_gone_but_for_its_history(store: Store) -> None:
    add(store)
    due = due_of(store)
    schedules.pause(store, "nightly")
    assert schedules_of(store).next_due_at is None and schedules.trigger_due(store, due) == []
    schedules.resume(store, "nightly")
    assert due_of(store) == due
    schedules.remove(store, "nightly")
    assert queries.schedules(store) == []
    stream = "schedule:nightly"
    assert [item.kind for item in read_events(store, stream)] == ["ScheduleAdded", "SchedulePaused", "ScheduleResumed",
                                                                  "ScheduleRemoved"]
    assert len(queries.latest_events(store, stream)) == 4
    with pytest.raises(CommandRefused, match="no schedule 'nightly'"):
        schedules.pause(store, "nightly")
    add(store)  # the name is free again
    with pytest.raises(schedules.InvalidSchedule, match="already"):
        add(store)


def test_schedules_equal_a_rebuild_from_their_events(store: Store) -> None:
    add(store)
    add(store, "hourly", Recurrence(every_seconds=3600))
    schedules.trigger_due(store, due_of(store, "hourly") + timedelta(hours=3))
    schedules.pause(store, "nightly")
    before = queries.schedules(store)
    with store.write() as connection:
        rebuild(connection)
    assert queries.schedules(store) == before


def test_a_store_from_before_schedules_is_brought_up_to_date(store: Store) -> None:
    from store.database import open_store

    with store.write() as connection:
        connection.execute(text("DROP TABLE schedules"))
        connection.execute(text("DELETE FROM schema_version WHERE version > 1"))
    again = open_store(store.url)
    with again.read() as connection:
        assert connection.execute(select(schema.schedules)).all() == []
