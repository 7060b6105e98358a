"""`sweep`, `run --seeds` and `compare --group` on the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from runner.cli.main import main
from store import queries
from store.database import Store, open_for_reading
from store.paths import default_paths
from tests.runner.group_runs import executed, plan

SWEEP = ["sweep", "--seeds", "1-3", "--learning-rate", "1e-4,1e-3", "--topics", "pods", "--questions", "4"]


@pytest.fixture(autouse=True)
def data_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DATA_DIR", str(tmp_path))
    monkeypatch.setenv("STORE_URL", f"sqlite:///{tmp_path / 'events.db'}")
    return tmp_path


def test_a_dry_run_shows_the_plan_and_writes_nothing(data_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*SWEEP, "--dry-run"]) == 0
    said = capsys.readouterr().out
    assert "6 runs in group sweep-" in said and "learning_rate 0.0001, 0.001 x 3 seeds (1-3)" in said
    assert "learning rate 0.001, seed 3" in said and "dry run: nothing was queued" in said
    assert list(data_folder.iterdir()) == []


def test_it_queues_each_run_once_however_often_it_is_repeated(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*SWEEP, "--group", "rates", "--json"]) == 0
    first = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert main([*SWEEP, "--group", "rates"]) == 0
    assert "queued 0, 6 were in the group already" in capsys.readouterr().out
    assert main([*SWEEP, "--group", "rates", "--json"]) == 0
    again = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert [run["run"] for run in again["runs"]] == [run["run"] for run in first["runs"]]
    runs = queries.runs_of_group(open_for_reading(default_paths().store_url), "rates")
    assert len(runs) == 6 and {run.config.held_out_set for run in runs} == {"rates"}
    assert {run.config.learning_rate for run in runs} == {1e-4, 1e-3} and {run.config.seed for run in runs} == {42}


@pytest.mark.parametrize(("arguments", "said"), [
    (["sweep"], "nothing varies: give --seeds, or several values of a setting"),
    (["sweep", "--seeds", "1-x"], "seeds '1-x' cannot be read: use how many (3), a range (1-20)"),
    (["sweep", "--learning-rate", "1e-4,2"], "learning_rate 2.0 is out of range: use 1e-06 to 0.1"),
    (["sweep", "--held-out", "12,24"], "held_out cannot vary within a group"),
    (["sweep", "--seed", "1,2"], "seed cannot have several values here: use --seeds"),
    (["sweep", "--seeds", "2", "--group", "a b"], "group 'a b' is no name"),
    (["sweep", "--seeds", "2", "--training-seed", "7"], "training_seed 7 decides one run alone"),
    (["sweep", "--lora-rank", "8,16", "--seeds-draw"], "--seeds-draw says how the seeds differ: add --seeds"),
    (["run", "--seeds", "0"], "seeds '0' are none: use 1 to 500"),
    (["run", "--group", "a"], "--group is about several runs: add --seeds"),
    (["compare"], "name two or more runs, or one group with --group NAME"),
])
def test_bad_input_names_the_setting_and_the_way_out(arguments: list[str], said: str, data_folder: Path,
                                                     capsys: pytest.CaptureFixture[str]) -> None:
    if arguments == ["compare"]:
        main([*SWEEP])
    assert main(arguments) == 2
    assert f"error: {said}" in capsys.readouterr().err
    assert arguments == ["compare"] or not list(data_folder.glob("events.db"))


def test_a_value_that_cannot_be_read_is_refused_by_name(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as refused:
        main(["sweep", "--learning-rate", "1e-4,abc"])
    assert refused.value.code == 2
    assert "learning_rate '1e-4,abc' cannot be read: use numbers with commas between" in capsys.readouterr().err


def test_compare_shows_a_group_over_questions_and_seeds(data_folder: Path, store: Store,
                                                        capsys: pytest.CaptureFixture[str]) -> None:
    executed(store, data_folder, plan((1, 2, 3), {"learning_rate": (1e-4, 2e-4)}))
    assert main(["compare", "--group", "g"]) == 0
    said = capsys.readouterr().out
    assert "group g: 6 runs, 2 combinations of settings" in said and "learning rate 0.0002: 3 of 3 runs" in said
    assert "The interval is over questions and over training seeds (3)." in said
    assert "seed by seed: 1 " in said and "compared with those of: learning rate 0.0001" in said
    assert main(["compare", "--group", "g", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [len(one["runs"]) for one in found["combinations"]] == [3, 3] and len(found["between"]) == 1
    assert all(change["found"]["seeds_in"] for change in found["combinations"][0]["changes"])
    assert main(["compare", "--group", "nothing"]) == 2
    assert "no group 'nothing'" in capsys.readouterr().err


@pytest.mark.slow
def test_run_with_seeds_executes_all_of_them_and_prints_the_group(capsys: pytest.CaptureFixture[str]) -> None:
    small = ["--topics", "pods", "--questions", "6", "--held-out", "8", "--steps", "2", "--max-new-tokens", "4"]
    assert main(["run", "--seeds", "3", *small, "--group", "real", "--json"]) == 0
    found = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert found["group"] == "real" and len(found["combinations"][0]["runs"]) == 3
    assert main(["run", "--seeds", "3", *small, "--group", "real"]) == 0
    assert "group real has these runs already" in capsys.readouterr().out


def test_a_group_that_does_not_fit_on_the_disk_is_refused(monkeypatch: pytest.MonkeyPatch,
                                                          capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("runner.pipeline.preflight.free_bytes", lambda paths: 700_000_000)
    assert main(["sweep", "--seeds", "2", "--dry-run"]) == 0
    assert main(["sweep", "--seeds", "20"]) == 2
    assert "these 20 runs need about 1900 MB" in capsys.readouterr().err
