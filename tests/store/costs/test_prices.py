"""Prices and shutdown dates come from dated files; what is unknown stays unknown, and nothing is substituted."""

from __future__ import annotations

import dataclasses
import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from runner.cli.main import main
from runner.service.schedule_jobs import launch_errors
from store import queries
from store.commands import schedules
from store.costs import prices
from store.costs.model_shutdowns import shutdown_errors, shutdown_notes, shutdown_of
from store.costs.teacher_budget import budget_errors
from store.costs.prices import InvalidPrices, cost_usd, keep_team_prices, parse, price_of
from store.database import open_store
from store.events import ScheduleFailed
from store.paths import Paths
from store.presets import preset
from store.run_config import InvalidConfig
from tests.plain_runs import plain_run

LAST_DAY, GONE = date(2027, 1, 13), date(2027, 1, 14)
ENTRY = {"prompt_usd": 2, "completion_usd": 8.5, "source": "our contract", "looked_up": "2026-11-01"}


@pytest.fixture
def paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Paths:
    monkeypatch.setenv("DATA_DIR", str(tmp_path / "data"))
    return Paths(tmp_path / "data", "")


def file_with(folder: Path, content: Any) -> Path:
    file = folder / "ours.json"
    file.write_text(content if isinstance(content, str) else json.dumps(content))
    return file


def test_every_known_price_says_where_it_is_from_and_when_it_was_looked_up(paths: Paths) -> None:
    for model, price in prices.prices().items():
        assert price.source and price.looked_up >= date(2026, 1, 1), model
        assert not price.shutdown or price.successor in prices.prices(), model


def test_the_successor_costs_less_and_a_model_of_no_list_has_no_cost(paths: Paths) -> None:
    assert cost_usd("gpt-6-luna", 1_000_000, 1_000_000) == pytest.approx(0.60)
    assert cost_usd("gpt-4o-mini-2024-07-18", 1_000_000, 1_000_000) == pytest.approx(0.75)
    assert cost_usd("llama3", 1, 1) is None and price_of("") is None


def test_a_teams_file_adds_and_corrects_for_every_later_process(paths: Paths, tmp_path: Path) -> None:
    ours = file_with(tmp_path, {"our-model": ENTRY, "gpt-6-luna": ENTRY | {"prompt_usd": 0.05}})
    assert keep_team_prices(ours, paths) == 2
    assert cost_usd("our-model", 1_000_000, 0) == 2 and cost_usd("gpt-6-luna", 1_000_000, 0) == pytest.approx(0.05)
    assert cost_usd("gpt-4o-mini", 1_000_000, 0) == pytest.approx(0.15)


@pytest.mark.parametrize(("content", "said"), [
    ("no JSON", "no price file"), ([], "one object a model"), ({"m": 3}, "m: an object is expected"),
    ({"m": ENTRY | {"prompt_usd": -1}}, "m: prompt_usd -1 is no price"),
    ({"m": ENTRY | {"completion_usd": "8"}}, "m: completion_usd '8' is no price"),
    ({"m": ENTRY | {"prompt_usd": True}}, "m: prompt_usd True is no price"),
    ('{"m": {"prompt_usd": NaN, "completion_usd": 1, "source": "", "looked_up": "2026-01-01"}}', "nan is no price"),
    ({"m": ENTRY | {"batch_share": 1.5}}, "batch_share 1.5 is out of range: use 0 to 1"),
    ({"m": ENTRY | {"shutdown": "soon"}}, "shutdown 'soon' is no date: use YYYY-MM-DD"),
    ({"m": ENTRY | {"looked_up": 20261129}}, "looked_up 20261129 is no date"),
    ({"m": ENTRY | {"shutdown": "2026-W48-1"}}, "shutdown '2026-W48-1' is no date"),
    ({"m": ENTRY | {"source": "a\0b"}}, "is no line of text"), ({" m": ENTRY}, "' m' is no name of a model"),
    ({"\ud83d": ENTRY}, "is no name of a model"),
    ('{"m": {}, "m": {}}', "'m' stands in it twice"),
    ({"m": ENTRY | {"price": 1}}, "unknown field 'price'"), ({"m": {"prompt_usd": 1}}, "m: completion_usd is missing")])
def test_a_file_that_cannot_be_used_is_refused_with_the_value_and_nothing_is_kept(
        paths: Paths, tmp_path: Path, content: Any, said: str) -> None:
    with pytest.raises(InvalidPrices) as refused:
        keep_team_prices(file_with(tmp_path, content), paths)
    assert said in str(refused.value) and "ours.json" in str(refused.value)
    assert not prices.team_file(paths).exists()


def test_a_file_as_windows_saves_it_is_read(paths: Paths, tmp_path: Path) -> None:
    file = tmp_path / "ours.json"
    file.write_bytes(json.dumps({"our-model": ENTRY}).encode("utf-16"))
    assert keep_team_prices(file, paths) == 1 and cost_usd("our-model", 1_000_000, 0) == 2


def test_a_missing_file_is_refused(paths: Paths, tmp_path: Path) -> None:
    with pytest.raises(InvalidPrices, match=r"nothing\.json"):
        parse(tmp_path / "nothing.json")


def test_a_shutdown_is_announced_90_days_before_and_refused_from_its_day_on(paths: Paths) -> None:
    assert shutdown_of("gpt-4o-mini", today=date(2026, 10, 15)) is None
    soon = shutdown_of("gpt-4o-mini-2024-07-18", today=LAST_DAY)
    assert soon and not soon.is_over and soon.sentence() == (
        "gpt-4o-mini-2024-07-18 will be shut down on 14 January 2027, in 1 day; its maker recommends gpt-6-luna")
    config = preset("phi-2")
    assert shutdown_notes(config, LAST_DAY) and shutdown_errors(config, LAST_DAY) == []
    assert shutdown_errors(config, GONE) == [
        "gpt-4o-mini was shut down on 14 January 2027; its maker recommends gpt-6-luna: name another with "
        "--teacher gpt-6-luna"]
    assert shutdown_errors(preset("phi-2", teacher="gpt-6-luna"), GONE) == []


def test_a_judge_is_concerned_too_and_a_model_of_that_name_at_another_address_is_not(paths: Paths) -> None:
    judged = plain_run(judge="gpt-4o-mini")
    assert "--judge gpt-6-luna" in shutdown_errors(judged, GONE)[0]
    elsewhere = dataclasses.replace(preset("phi-2"), teacher_base_url="http://127.0.0.1:1/v1")
    assert shutdown_errors(elsewhere, GONE) == []


@pytest.mark.parametrize("address", ["https://api.openai.com/v1", "https://API.OpenAI.com/v1/",
                                     "https://eu.api.openai.com/v1"])
def test_the_makers_own_address_spelled_out_is_concerned_like_the_default(paths: Paths, address: str) -> None:
    assert shutdown_errors(dataclasses.replace(preset("phi-2"), teacher_base_url=address), GONE)
    not_theirs = dataclasses.replace(preset("phi-2"), teacher_base_url="https://notapi.openai.com.example/v1")
    assert shutdown_errors(not_theirs, GONE) == []


@pytest.mark.parametrize("name", [" gpt-4o-mini", "gpt-4o-mini\n", "gpt\n4o"])
def test_a_model_name_with_blanks_around_it_is_refused(name: str) -> None:
    with pytest.raises(InvalidConfig, match="is no name of a model"):
        preset("phi-2", teacher=name)
    with pytest.raises(InvalidConfig, match="is no name of a model"):
        preset("phi-2", judge=name)


def test_a_schedule_with_a_teacher_that_is_gone_is_refused_and_one_of_before_queues_no_run(
        paths: Paths, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    url = f"sqlite:///{tmp_path / 'events.db'}"
    monkeypatch.setenv("STORE_URL", url)
    command = ["schedule", "add", "nightly", "--every", "1h", "--preset", "phi-2", "--teacher", "gpt-6-luna"]
    soon = datetime.now(UTC).date() + timedelta(days=3)
    near = file_with(tmp_path, {"gpt-6-luna": ENTRY | {"shutdown": str(soon), "successor": "gpt-7"}})
    assert main([*command, "--prices", str(near)]) == 0
    assert "in 3 days; its maker recommends gpt-7; from that day on this" in capsys.readouterr().out
    keep_team_prices(file_with(tmp_path, {"gpt-6-luna": ENTRY | {"shutdown": "2026-11-01"}}), paths)
    assert main([*command[:2], "second", *command[3:]]) == 2
    assert "gpt-6-luna was shut down on 1 November 2026" in capsys.readouterr().err
    store = open_store(url)
    schedule, = queries.schedules(store)
    assert schedule.next_due_at
    failed, = schedules.trigger_due(store, schedule.next_due_at, launch_errors)
    assert isinstance(failed, ScheduleFailed) and "gpt-6-luna was shut down" in failed.message
    assert queries.count_of_runs(store) == 0
    prices.team_file(paths).write_text("[]")
    assert "no price file" in launch_errors(preset("phi-2"))[0]


def test_a_budget_that_cannot_be_kept_is_refused_before_the_run_and_none_is_needed_where_nothing_is_paid(
        paths: Paths, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "--teacher", "llama3", "--max-cost-usd", "1"]) == 2
    assert "no price is known for 'llama3'" in (said := capsys.readouterr().err) and "run --prices FILE" in said
    assert not (paths.data / "events.db").exists()
    unknown = plain_run(teacher="llama3", max_cost_usd=1.0)
    assert budget_errors(unknown) and budget_errors(dataclasses.replace(unknown, from_replies="r1")) == []
    assert budget_errors(plain_run(max_cost_usd=1.0)) == []
    keep_team_prices(file_with(paths.data.parent, {"llama3": ENTRY}), paths)
    assert budget_errors(unknown) == []
    batched, = budget_errors(dataclasses.replace(unknown, teacher_batch=True))
    assert "no batch price" in batched and "batch_share" in batched


def test_run_refuses_a_price_file_with_a_negative_price_and_a_teacher_that_is_gone(
        paths: Paths, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    negative = file_with(tmp_path, {"m": ENTRY | {"completion_usd": -0.1}})
    assert main(["run", "--prices", str(negative)]) == 2
    assert "completion_usd -0.1 is no price" in capsys.readouterr().err
    gone = file_with(tmp_path, {"gpt-6-luna": ENTRY | {"shutdown": "2026-11-01", "successor": "gpt-7"}})
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-a-test")
    assert main(["run", "--prices", str(gone), "--preset", "phi-2", "--teacher", "gpt-6-luna"]) == 2
    assert "gpt-6-luna was shut down on 1 November 2026" in capsys.readouterr().err
    assert not (paths.data / "events.db").exists()

# --- a file in the data folder that was altered by hand --------------------------------------------------

@pytest.mark.parametrize("content", [
    b"{", b"\xff\xfe\x00", b"null", b'{"m": null}', b'{"m": {"prompt_usd": null}}', b"[" * 100_000, b"1" * 5000,
    json.dumps({"m": ENTRY | {"prompt_usd": 10**400}}).encode(),
    json.dumps({"m": ENTRY | {"successor": 5}}).encode(), json.dumps({"m": ENTRY | {"looked_up": None}}).encode()])
def test_a_file_that_was_broken_by_hand_is_one_sentence(paths: Paths, content: bytes) -> None:
    paths.data.mkdir()
    prices.team_file(paths).write_bytes(content)
    fault = prices.price_fault(paths)
    assert fault and fault.startswith(str(prices.team_file(paths))) and "\n" not in fault and len(fault) < 600
    with pytest.raises(InvalidPrices):
        price_of("gpt-4o-mini")


def test_a_folder_or_a_dead_link_in_its_place_is_named(paths: Paths) -> None:
    paths.data.mkdir()
    prices.team_file(paths).symlink_to(paths.data / "gone.json")
    assert "no price file" in (prices.price_fault(paths) or "")
    prices.team_file(paths).unlink()
    assert prices.price_fault(paths) is None
    prices.team_file(paths).mkdir()
    assert "no price file" in (prices.price_fault(paths) or "")


def test_the_command_line_refuses_a_run_with_the_sentence(paths: Paths, capsys: pytest.CaptureFixture[str]) -> None:
    from runner.cli.main import main

    paths.data.mkdir()
    prices.team_file(paths).write_text("{")
    assert main(["run", "--questions", "1"]) == 2
    assert "prices.json: no price file" in capsys.readouterr().err
    assert [path.name for path in paths.data.iterdir()] == ["prices.json"]
