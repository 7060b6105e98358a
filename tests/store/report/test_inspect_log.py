"""The log for Inspect holds every question, score and missing score of the test."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from runner.cli.main import main
from store.database import open_for_reading
from store.report import NothingToExport, as_inspect, gather
from tests.addresses import address_in
from tests.dashboard import stores


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str, str]:
    folder = tmp_path_factory.mktemp("inspect")
    store = stores.store_at(folder)
    runs = stores.finished(store, stores.long_ago(3), (0.1, 0.2)), stores.queued(store, stores.long_ago(1))
    store.close()
    return folder, *runs


def test_it_has_a_sample_for_each_question_and_the_scores_of_both_students(data: tuple[Path, str, str]) -> None:
    evidence = gather(open_for_reading(address_in(data[0])), data[1])
    assert evidence
    log = json.loads(as_inspect(evidence))
    asked = [pair for pair in evidence.answers if pair.cycle == 2 and pair.tier != "practice"]
    assert (log["version"], log["status"]) == (2, "success")
    assert [sample["id"] for sample in log["samples"]] == [pair.question for pair in asked]
    scored = sum(value is not None for pair in asked for scores in pair.scores.values() for value in scores)
    missing = sum(value is None for pair in asked for scores in pair.scores.values() for value in scores)
    assert sum(len(sample["scores"]) for sample in log["samples"]) == scored
    assert sum(log["eval"]["metadata"]["missing_scores"].values()) == missing
    found = {score["name"]: score for score in log["results"]["scores"]}
    row = evidence.row
    assert row and found[row.metric]["metrics"]["mean"]["value"] == row.tuned
    assert found[row.metric]["metrics"]["change"]["value"] == row.change
    assert found[row.metric]["metadata"]["verdict"] == row.verdict == log["eval"]["metadata"]["verdict"]
    assert log["eval"]["metadata"]["test_openings"] == evidence.openings


def test_the_command_prints_or_writes_it_and_refuses_what_it_cannot(
        data: tuple[Path, str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("DATA_DIR", str(data[0]))
    monkeypatch.delenv("STORE_URL", raising=False)
    assert main(["report", data[1], "--format", "inspect"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert main(["report", data[1], "--format", "inspect", "--to", str(tmp_path / "log.json")]) == 0
    assert json.loads((tmp_path / "log.json").read_text()) == printed
    for arguments, said in ((["--to", "log.html", "--format", "inspect"], "is a .json file"),
                            ([], "say where the pack goes"),
                            (["--format", "inspect", "--sign", "key"], "only the pack that verify-pack")):
        assert main(["report", data[1], *arguments]) == 2
        assert said in capsys.readouterr().err
    assert main(["report", data[2], "--format", "inspect"]) == 2
    assert "has no scored answer of a fine-tuned student: it is queued" in capsys.readouterr().err
    evidence = gather(open_for_reading(address_in(data[0])), data[2])
    with pytest.raises(NothingToExport):
        assert evidence and as_inspect(evidence)
