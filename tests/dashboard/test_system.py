"""The pages Schedules and System: schedules are added, paused and removed; no password is shown."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from dashboard.access import disk_usage
from dashboard.view_models import schedule_settings
from dashboard.view_models.schedule_settings import CRON, EVERY
from store import commands, queries
from store.commands import schedules
from store.commands.recurrence import Recurrence, timing_errors
from store.database import Store, open_for_reading, open_store
from store.event_log import leases
from store.event_log.journal import Journal
from store.event_log.nodes import Node, record_nodes, record_wait
from store.events import RunStarted
from store.paths import Paths
from store.permissions import PermissionDenied, Role
from store.presets import preset
from tests.dashboard import stores
from tests.dashboard.conftest import words_of
from tests.plain_runs import plain_run

Opened = Callable[..., AppTest]
Folders = dict[str, tuple[Path, str | None]]
DAILY = Recurrence(every_seconds=86400)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return stores.store_at(tmp_path)


def test_a_schedule_is_added_from_the_form_even_where_there_is_no_store_yet(tmp_path: Path, opened: Opened) -> None:
    app = opened(tmp_path, "schedules")
    app.text_input(key="schedule name").input("nightly").run()
    app.button(key="schedule add").click().run()
    assert not app.exception
    (found,) = queries.schedules(open_for_reading(f"sqlite:///{tmp_path / 'events.db'}"))
    assert (found.name, found.every_seconds, found.enabled) == ("nightly", 86400, True)
    assert found.config == preset("embedded")


def test_a_name_that_is_taken_is_refused_with_a_sentence(tmp_path: Path, store: Store, opened: Opened) -> None:
    schedules.add(store, "nightly", DAILY, plain_run(), "test")
    app = opened(tmp_path, "schedules")
    app.text_input(key="schedule name").input("nightly").run()
    app.button(key="schedule add").click().run()
    assert "there is a schedule 'nightly' already" in words_of(app)
    assert len(queries.schedules(store)) == 1


def test_a_cron_line_that_is_never_due_cannot_be_added(tmp_path: Path, opened: Opened) -> None:
    app = opened(tmp_path, "schedules")
    app.session_state["schedule kind"] = CRON
    app.run()
    app.text_input(key="schedule cron").input("0 0 30 2 *").run()
    assert "never due" in words_of(app)
    assert app.button(key="schedule add").disabled


def test_a_selected_schedule_is_paused_and_resumed_and_removed(tmp_path: Path, store: Store, opened: Opened) -> None:
    schedules.add(store, "nightly", DAILY, plain_run(), "test")
    app = opened(tmp_path, "schedules")
    app.session_state["schedule table"] = {"selection": {"rows": [], "columns": [], "cells": [(0, "name")]}}
    app.run()
    assert "Added by test" in str(app.dataframe[1].value.to_dict())
    app.button(key="schedule pause").click().run()
    assert not queries.schedules(store)[0].enabled
    app.session_state["schedule table"] = {"selection": {"rows": [], "columns": [], "cells": [(0, "name")]}}
    app.run()
    app.button(key="schedule pause").click().run()
    assert queries.schedules(store)[0].enabled
    app.session_state["schedule table"] = {"selection": {"rows": [], "columns": [], "cells": [(0, "name")]}}
    app.run()
    app.button(key="schedule remove").click().run()
    assert queries.schedules(store) == []


def test_a_viewer_is_shown_no_form_and_is_refused_where_it_is_written(tmp_path: Path, store: Store, opened: Opened,
                                                                      monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DASHBOARD_ROLE", "viewer")
    app = opened(tmp_path, "schedules")
    assert "schedule add" not in [button.key for button in app.button]
    for act in (lambda: schedules.add(store, "x", DAILY, plain_run(), "v", role=Role.VIEWER),
                lambda: schedules.pause(store, "x", Role.VIEWER), lambda: schedules.remove(store, "x", Role.VIEWER)):
        with pytest.raises(PermissionDenied):
            act()


def test_the_form_s_timing_is_what_it_says() -> None:
    assert schedule_settings.recurrence_from(EVERY, 6, "hours", "", "UTC") == Recurrence(every_seconds=21600)
    night = schedule_settings.recurrence_from(CRON, 0, "days", " 30 2 * * * ", "Europe/Berlin")
    assert timing_errors(night) == []
    winter = datetime(2026, 1, 10, 12, tzinfo=UTC)
    assert schedule_settings.preview(night, winter)[0] == datetime(2026, 1, 11, 1, 30, tzinfo=UTC)
    assert schedule_settings.preview(Recurrence(every_seconds=1)) == []
    assert set(schedule_settings.zones()) >= {"UTC", "Europe/Berlin", "Asia/Tokyo"}


def test_the_system_page_tells_runners_plan_store_and_versions(tmp_path: Path, opened: Opened) -> None:
    stores.running(stores.store_at(tmp_path), datetime.now(UTC) - timedelta(minutes=3))
    app = opened(tmp_path, "system")
    tables = " ".join(str(frame.value.to_dict()) for frame in app.dataframe)
    assert "bf16 is 6.1 times as fast" in words_of(app)
    for told in ("torch", "2.13.0", "events.db", "SQLite 3."):
        assert told in tables


def test_the_store_s_address_is_told_without_its_password(tmp_path: Path) -> None:
    store = open_store(f"sqlite:///{tmp_path / 'events.db'}")
    store.url = "postgresql+psycopg://me:s3cret@db/events"
    assert "s3cret" not in queries.store_facts(store).address


def test_models_and_copies_are_listed_with_their_sizes(tmp_path: Path) -> None:
    paths = Paths(tmp_path, f"sqlite:///{tmp_path / 'events.db'}")
    (tmp_path / "events.db").write_bytes(b"x" * 10)
    (paths.models / "small").mkdir(parents=True)
    (paths.models / "small" / "model.safetensors").write_bytes(b"x" * 2500)
    paths.backups.mkdir()
    (paths.backups / "events-1.db").write_bytes(b"x" * 3_000_000)
    assert [(thing.kind, thing.name, disk_usage.size(thing.size_bytes))
            for thing in disk_usage.stored_files(paths)] == [
        ("backup", "events-1.db", "3.0 MB"), ("model", "small", "2.5 kB"), ("store", "events.db", "10 bytes")]


def test_the_page_system_shows_nodes_what_runs_where_losses_and_why_runs_wait(tmp_path: Path, store: Store,
                                                                              opened: Opened) -> None:
    running, waiting, behind = (commands.launch_run(store, plain_run(name=name), "test")
                                for name in ("on a node", "without a place", "behind it"))
    first = leases.claim_next(store, leases.owner_name(), running)
    assert first
    Journal(store, first).append(RunStarted(first.owner, 1, {}, (), node="host-a/12345678 GPU 0"))
    second = leases.claim_next(store, leases.owner_name(), waiting)
    assert second
    record_wait(store, second, "needs 1 GPU, 0 of 1 free")
    stays = Node("1", "host-a/12345678", True, 8, 1, 1, 1)
    record_nodes(store, first.owner, [stays, Node("2", "host-b/9", True, 8, 1)])
    record_nodes(store, first.owner, [stays, Node("2", "host-b/9", False, 8, 1, reason="it does not answer")])
    app = opened(tmp_path, "system")
    words = " ".join(str(frame.value.to_dict()) for frame in app.dataframe)
    for text in ("host-a/12345678", "1 of 1", "on a node", "host-b/9", "it does not answer", "needs 1 GPU, 0 of 1 free",
                 "ahead in the queue"):
        assert text in words, text
    words = words_of(opened(tmp_path, "live", run=waiting))
    assert "Waits for a place: needs 1 GPU, 0 of 1 free." in words
    assert behind
