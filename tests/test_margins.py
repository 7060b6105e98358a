"""A margin of 0, or over 1, is refused in one sentence wherever one can be given, and nothing is queued."""

from __future__ import annotations

from pathlib import Path

import pytest

from dashboard.view_models.launch_request import config_from
from runner.cli.main import main
from store import queries
from store.config_checks import check
from store.run_config import NO_MARGIN, InvalidConfig, RunConfig
from tests.dashboard import stores

OUT_OF_RANGE = [("0", "0.0"), ("1.5", "1.5"), ("-0.1", "-0.1")]


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATA_DIR", str(tmp_path))
    monkeypatch.delenv("STORE_URL", raising=False)


@pytest.mark.parametrize("command", [["run"], ["run", "--seeds", "3"], ["sweep", "--seeds", "3"],
                                     ["run", "--questions", "240", "--forecast"],
                                     ["schedule", "add", "nightly", "--cron", "0 2 * * *"]],
                         ids=["run", "seeds", "sweep", "forecast", "schedule"])
@pytest.mark.parametrize(("typed", "value"), OUT_OF_RANGE)
def test_the_command_line_refuses_it(command: list[str], typed: str, value: str, tmp_path: Path,
                                     capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*command, f"--margin={typed}"]) == 2
    said = capsys.readouterr().err
    assert f"margin {value} is out of range: use 0.001 to 1" in said and "Traceback" not in said
    assert not (tmp_path / "events.db").exists()


@pytest.mark.parametrize("value", [0.0, 1.5, -0.1])
def test_the_form_refuses_it(value: float) -> None:
    with pytest.raises(InvalidConfig) as error:
        config_from("embedded", {"margin": value})
    assert error.value.errors == [f"margin {value} is out of range: use 0.001 to 1"]


def test_a_run_of_before_margins_stays_valid_and_names_none() -> None:
    assert check(RunConfig(margin=NO_MARGIN)).margin == NO_MARGIN
    assert check(RunConfig(margin=1.0)).margin == 1.0 and check(RunConfig(margin=0.001)).margin == 0.001


def test_a_gate_refuses_a_limit_that_no_share_can_reach(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store = stores.store_at(tmp_path)
    run = stores.finished(store, stores.long_ago(3), (0.2,))
    store.close()
    assert main(["gate", run, "--require", "choice_accuracy no worse than untrained by 1.5"]) == 2
    assert "a limit of 1.5 is above 1, the most that choice_accuracy can change" in capsys.readouterr().err
    assert main(["gate", run, "--require", "reference_nll no worse than untrained by 1.5"]) in (0, 1, 2)
    assert "is above 1" not in capsys.readouterr().err, "nats per token have no such bound"


def test_runs_with_other_margins_are_compared_by_the_smaller_one_and_without_one_by_the_old_words(
        tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store = stores.store_at(tmp_path)
    runs = [stores.finished(store, stores.long_ago(3 - at), (0.2,), margin=margin)
            for at, margin in enumerate((0.2, 0.1))]
    assert [queries.find_run(store, run).config.margin for run in runs] == [0.2, 0.1]  # type: ignore[union-attr]
    store.close()
    assert main(["compare", *runs, "--json"]) == 0
    assert '"metric": "choice_accuracy"' in (said := capsys.readouterr().out) and '"margin": 0.1' in said
