"""A forecast is made from finished pilots, registered before its run starts, and scored when the run ends."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from runner.cli.main import main
from runner.pipeline.worker import execute_claimed_run
from store import commands, queries
from store.analysis.gain_forecast import advice, forecast_run, forecasts_held, outcome, score_forecast
from store.analysis.group_result import between_combinations, group_result
from store.commands.ratings_and_tags import delete
from store.database import Store, open_store
from store.event_log import leases
from store.event_log.journal import read_events
from store.events import ForecastRegistered, ForecastScored, RunFinished, RunStarted
from store.paths import Paths
from store.pilot_runs import pilot_config, pilot_sizes, plan_pilots, sizes_from
from store.projections.rebuild import rebuild
from store.report import as_html, as_json, gather
from store.report.verification import verify
from store.run_config import InvalidConfig, RunConfig
from store.statistics import CannotForecast
from tests.addresses import address_in
from tests.plain_runs import plain_run
from tests.runner.group_runs import SMALL, executed, seeded_resources


def wanted(**changes: Any) -> RunConfig:
    return plain_run(**(SMALL | {"questions": 40, "held_out": 12, "headline": "reference_nll"} | changes))


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("forecast")


@pytest.fixture(scope="module")
def store(data: Path) -> Iterator[Store]:
    opened = open_store(address_in(data))
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def pilots(store: Store, data: Path) -> list[queries.Run]:
    """Three finished pilots; no test changes them."""
    executed(store, data, plan_pilots(wanted(), (4, 6, 8), "pilots"))
    return queries.runs_of_group(store, "pilots")


def registered(store: Store, pilots: list[queries.Run], config: RunConfig) -> tuple[str, ForecastRegistered]:
    forecast = forecast_run(store, config, pilots, "pilots")
    return commands.register_forecast(store, config, forecast, advice(forecast), "test"), forecast


def finish(store: Store, data: Path, run: str) -> None:
    commands.change_run_state(store, "resume", run)
    claim = leases.claim_next(store, leases.owner_name())
    assert claim and claim.run == run and execute_claimed_run(claim, Paths(data, store.url), seeded_resources) == 0


def test_pilots_draw_their_own_questions_and_share_all_that_decides(store: Store, pilots: list[queries.Run]) -> None:
    assert [pilot.config.questions for pilot in pilots] == [4, 6, 8]
    assert {pilot.work for pilot in pilots} == {"finished"}
    assert len({pilot.config.seed for pilot in pilots} | {wanted().seed}) == 4
    assert len({pilot.held_out_hash for pilot in pilots}) == 3
    result = group_result(store, "pilots")
    assert result and [len(one.pooled) for one in result.combinations] == [1, 1, 1], "each has a test of its own"
    assert between_combinations(store, result, ["reference_nll"]) == [], "tests that differ are not compared"


def test_a_forecast_waits_with_its_run_and_is_scored_at_its_end(store: Store, data: Path,
                                                                pilots: list[queries.Run]) -> None:
    run, forecast = registered(store, pilots, wanted())
    assert registered(store, pilots, wanted())[0] == run, "the same pilots register the same run once"
    found = queries.find_run(store, run)
    assert found and found.work == "paused" and found.error and "its forecast" in found.error
    known = queries.forecast_of(store, run)
    assert known and known.held is None and outcome(known) == "" and queries.forecast_by(store, "pilots") == known
    finish(store, data, run)
    kinds = [type(item.event) for item in read_events(store, run)]
    assert kinds.index(ForecastRegistered) < kinds.index(RunStarted) < kinds.index(ForecastScored) < \
        kinds.index(RunFinished)
    change = next(row.change for row in queries.changes_of(store, run)
                  if (row.tier, row.metric, row.topic) == ("held-out", "reference_nll", ""))
    known = queries.forecast_of(store, run)
    assert known and known.measured == change and known.held == (forecast.low <= change <= forecast.high)
    assert forecasts_held(queries.scored_forecasts(store)).startswith(
        f"{int(bool(known.held))} of 1 forecast held; 90% expected. Mean width of the interval: ")
    with store.write() as connection:
        rebuild(connection)
    assert queries.forecast_of(store, run) == known
    check_the_pack(store, run)
    delete(store, run, "test")
    assert queries.scored_forecasts(store) == [known], "how often forecasts held does not depend on what was kept"


def check_the_pack(store: Store, run: str) -> None:
    """The evidence pack holds the forecast, and an altered one is refused."""
    evidence = gather(store, run)
    assert evidence
    pack = as_json(evidence)
    assert not verify(pack).differences
    changed = json.loads(pack)
    changed["forecast"]["low"] -= 0.1
    assert any("forecast: low is" in found for found in verify(json.dumps(changed)).differences)
    assert "The forecast " in as_html(evidence) and "before the run started." in as_html(evidence)


def test_what_is_no_pilot_of_the_run_is_refused(store: Store, pilots: list[queries.Run]) -> None:
    with pytest.raises(CannotForecast, match="one student's pilots say nothing about another"):
        forecast_run(store, wanted(student="/models/another"), pilots)
    with pytest.raises(CannotForecast, match="has another learning_rate than the run"):
        forecast_run(store, wanted(learning_rate=3e-3), pilots)
    with pytest.raises(CannotForecast, match="is queued: a forecast needs its result"):
        run = commands.launch_run(store, pilots[0].config, "test")
        found = queries.find_run(store, run)
        assert found
        commands.change_run_state(store, "cancel", run)
        forecast_run(store, wanted(), [*pilots, found])


def test_sizes_are_a_tenth_of_the_run_at_most_but_no_smaller_than_a_test_can_be() -> None:
    assert pilot_sizes(wanted(questions=240)) == (8, 14, 24) and pilot_sizes(wanted(questions=1000)) == (25, 50, 100)
    assert pilot_sizes(wanted(questions=40)) == (8, 13, 20) and pilot_sizes(wanted(questions=24)) == (8, 10, 12)
    assert pilot_sizes(wanted(questions=80, cycles=3)) == (3, 5, 8)
    small = pilot_config(wanted(arms=("placebo",), learning_curve=True, general=4), 8, 1)
    assert (small.arms, small.learning_curve, small.general) == ((), False, 0)
    assert plan_pilots(wanted()).group == plan_pilots(wanted()).group != plan_pilots(wanted(steps=9)).group


@pytest.mark.parametrize(("text", "said"), [
    ("8,16,x", "pilots '8,16,x' cannot be read"), ("8,16", "use 3 or more different sizes"),
    ("8,8,16", "use 3 or more different sizes"), ("8,16,40", "as many questions per cycle as the run"),
])
def test_sizes_that_cannot_be_pilots_are_refused(text: str, said: str) -> None:
    with pytest.raises(InvalidConfig, match=said):
        plan_pilots(wanted(), sizes_from(text))


def test_it_says_stop_where_even_the_better_end_is_below_the_margin(store: Store, pilots: list[queries.Run]) -> None:
    forecast = forecast_run(store, wanted(), pilots)
    assert not forecast.stop and forecast.high < 0  # lower is better, and all pilots gained clearly
    assert "Worth its cost" in advice(forecast)
    little = dataclasses.replace(forecast, low=-0.04, high=0.02, stop=True)
    assert advice(little).startswith("Stop here: even the better end")
    assert advice(dataclasses.replace(forecast, low=-0.3, high=0.02)).startswith("Undecided")
    assert score_forecast(little, -0.04).held and score_forecast(little, -0.05).held is False
    assert score_forecast(little, None) == ForecastScored(None, None)


@pytest.mark.parametrize(("arguments", "said"), [
    (["run", "--forecast", "--seeds", "3"], "--forecast is about one run"),
    (["run", "--pilots", "8,16,32"], "--pilots are those of a forecast"),
    (["run", "--forecast", "--questions", "12"], "pilots of so small a run would cost as much as the run"),
    (["run", "--forecast", "--questions", "240", "--pilots", "4,5,6"], "no forecast: 240 training questions are more"),
])
def test_bad_input_is_refused_in_one_sentence_and_queues_nothing(
        arguments: list[str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("DATA_DIR", str(tmp_path))
    monkeypatch.setenv("STORE_URL", f"sqlite:///{tmp_path / 'events.db'}")
    assert main(arguments) == 2
    assert said in capsys.readouterr().err
    assert not (tmp_path / "runs").exists()


def test_finished_runs_forecast_a_larger_one_on_the_command_line(
        store: Store, pilots: list[queries.Run], data: Path, monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("DATA_DIR", str(data))
    monkeypatch.setenv("STORE_URL", store.url)
    ids = [pilot.id for pilot in pilots]
    assert main(["forecast", *ids, "--questions", "40"]) == 0
    said = capsys.readouterr().out
    assert "Forecast of reference NLL with 40 training questions: −" in said and "from 3 pilots of 4, 6, 8" in said
    assert main(["forecast", *ids, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["size"] == 80
    assert main(["forecast", *ids, "--student", "/models/another"]) == 2
    assert "no forecast: pilot" in capsys.readouterr().err
    assert main(["forecast", ids[0], ids[1]]) == 2
    assert "needs pilots of 3 different sizes" in capsys.readouterr().err
    assert main(["forecast", *ids, "--questions", "5000"]) == 2
    assert "questions 5000 is out of range" in capsys.readouterr().err
    assert main(["forecast", "nobody"]) == 2


@pytest.mark.slow
def test_run_with_a_forecast_executes_pilots_and_queues_the_run_paused(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("DATA_DIR", str(tmp_path))
    monkeypatch.setenv("STORE_URL", f"sqlite:///{tmp_path / 'events.db'}")
    small = ["--topics", "pods,services", "--questions", "30", "--pilots", "6,8,12", "--held-out", "6", "--steps", "2",
             "--set", "passes=null", "--max-new-tokens", "4", "--headline", "reference_nll", "--json"]
    assert main(["run", "--forecast", *small]) == 0
    told = capsys.readouterr()
    found = json.loads(told.out.splitlines()[-1])
    assert found["size"] == 30 and len(found["pilots"]) == 3 and "The pilots, one after the other: " in told.err
    assert main(["run", "--forecast", *small]) == 0
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["run"] == found["run"]
