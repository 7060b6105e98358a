"""What `run` prints before it starts, and the JSON at its end."""

from __future__ import annotations

from pathlib import Path

import pytest

from runner.cli import foreground
from runner.cli.main import main
from runner.cli.summary import as_json, as_lines
from runner.pipeline import preflight
from store import queries
from store.database import open_for_reading
from store.run_config import RunConfig
from tests.dashboard import stores


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str, str]:
    """Two finished comparable runs; the later one can use the variance of the earlier."""
    folder = tmp_path_factory.mktemp("data")
    store = stores.store_at(folder)
    first = stores.finished(store, stores.long_ago(5), gains=(0.2, 0.3))
    later = stores.finished(store, stores.long_ago(2), gains=(0.1, 0.6), seed=2)
    store.close()
    return folder, first, later


def test_the_json_holds_the_power_memorisation_and_all_cycles_at_once(data: tuple[Path, str, str]) -> None:
    folder, first, later = data
    store = open_for_reading(f"sqlite:///{folder / 'events.db'}")
    told = as_json(store, later)
    assert told["power_before"]["runs"] == (first,) and 0 < told["power_before"]["smallest"] < 0.5
    assert as_json(store, first)["power_before"]["runs"] == ()  # what came later is not what was known before
    distances = {one["metric"]: one for one in told["memorisation"]}
    assert distances["choice_accuracy"]["low"] < distances["choice_accuracy"]["distance"]
    assert set(told["over_cycles"]["adjusted_p"]) == {1, 2} and 2 in told["over_cycles"]["improved"]
    score = told["cycles"][1]["scores"][0]
    assert score["effect"] is not None and score["bootstrap"][0] is not None and score["passages"] > 6
    lines = "\n".join(as_lines(store, later))
    assert "generalization gap by choice_accuracy" in lines and "Over all 2 cycles" in lines
    store.close()


@pytest.mark.parametrize("switches", [[], ["--json"]])
def test_the_smallest_visible_change_is_said_before_anything_is_spent(
        data: tuple[Path, str, str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
        switches: list[str]) -> None:
    folder, first, later = data
    monkeypatch.setenv("DATA_DIR", str(folder))
    monkeypatch.delenv("STORE_URL", raising=False)
    monkeypatch.setattr(preflight, "preflight_errors", lambda *given: [])
    said: list[str] = []

    def see_through(store: object, places: object, run: str, json_output: bool) -> int:
        said.append("".join(capsys.readouterr()))
        return 0

    monkeypatch.setattr(foreground, "run_in_foreground", see_through)
    assert main(["run", "--held-out=40", "--headline-tier=held-out", *switches]) == 0
    assert "40 test questions can only detect a change of about" in said[0]
    assert first in said[0] and later in said[0]
    store = open_for_reading(f"sqlite:///{folder / 'events.db'}")
    assert queries.past_variances(store, RunConfig(student="another")) == []
    store.close()
