"""`report` and `compare` on stored runs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from runner.cli.main import main
from store import queries
from store.database import open_for_reading
from tests.dashboard import stores


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str]]:
    """Two runs on the same held-out test, the second much better; and one with another test."""
    folder = tmp_path_factory.mktemp("data")
    store = stores.store_at(folder)
    runs = {
        "weak": stores.finished(store, stores.long_ago(5), gains=(0.0, 0.05), seed=1),
        "strong": stores.finished(store, stores.long_ago(4), gains=(0.6,), seed=1, learning_rate=0.001),
        "other test": stores.finished(store, stores.long_ago(3), gains=(0.3,), seed=2, held_out=30),
        "queued": stores.queued(store, stores.long_ago(2)),
    }
    store.close()
    return folder, runs


@pytest.fixture(autouse=True)
def here(data: tuple[Path, dict[str, str]], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATA_DIR", str(data[0]))
    monkeypatch.delenv("STORE_URL", raising=False)


@pytest.mark.parametrize(("ending", "begins"), [(".html", "\n<!DOCTYPE html>"), (".json", "{"), (".csv", "\ufeffrun,")])
def test_a_report_is_written_whole_in_each_format(data: tuple[Path, dict[str, str]], tmp_path: Path, ending: str,
                                                  begins: str) -> None:
    to = tmp_path / f"evidence{ending}"
    to.write_text("what was there before")
    assert main(["report", data[1]["weak"], "--to", str(to)]) == 0
    assert to.read_text(encoding="utf-8").lstrip("\n").startswith(begins.lstrip("\n"))
    assert [path.name for path in tmp_path.iterdir()] == [to.name]


@pytest.mark.parametrize(("run", "to", "says"), [
    ("weak", "evidence.pdf", "use .html, .json, .csv, .md, .tex"), ("weak", "nowhere/e.html", "does not exist"),
    ("nonsense", "e.html", "no run 'nonsense'"),
])
def test_what_cannot_be_reported_is_refused_with_a_sentence(
        data: tuple[Path, dict[str, str]], tmp_path: Path, capsys: pytest.CaptureFixture[str], run: str, to: str,
        says: str) -> None:
    assert main(["report", data[1].get(run, run), "--to", str(tmp_path / to)]) == 2
    assert says in capsys.readouterr().err and not list(tmp_path.iterdir())


@pytest.mark.parametrize(("form", "ending", "row"), [
    ("md", ".md", "| Multiple-choice accuracy | 40 | "), ("latex", ".tex", "Multiple-choice accuracy & 40 & ")])
def test_the_tables_for_a_paper_are_printed_and_written(data: tuple[Path, dict[str, str]], tmp_path: Path,
                                                        capsys: pytest.CaptureFixture[str], form: str, ending: str,
                                                        row: str) -> None:
    assert main(["report", data[1]["strong"], "--format", form]) == 0
    printed = capsys.readouterr().out
    assert row in printed and "improved" in printed
    if form == "latex":
        assert printed.count("\\begin{table}") == printed.count("\\end{table}") == 2 and "95\\% interval" in printed
        assert "_" not in printed.replace("\\_", "")
    to = tmp_path / f"table{ending}"
    assert main(["report", data[1]["strong"], "--to", str(to)]) == 0 and to.read_text() == printed


def compared(capsys: pytest.CaptureFixture[str], *runs: str) -> dict[str, list[dict[str, object]]]:
    assert main(["compare", *runs, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_two_runs_on_one_test_are_paired_tuned_against_tuned(data: tuple[Path, dict[str, str]],
                                                             capsys: pytest.CaptureFixture[str]) -> None:
    weak, strong = data[1]["weak"], data[1]["strong"]
    found = compared(capsys, weak, strong)
    assert {row["setting"] for row in found["differences"]} == {"cycles", "learning rate"} and not found["refused"]
    (row,) = [row for row in found["paired"] if row["metric"] == "choice_accuracy"]
    assert (row["one"], row["other"], row["verdict"]) == (f"{weak}:2", f"{strong}:1", "improved")
    store = open_for_reading(f"sqlite:///{data[0] / 'events.db'}")
    tuned = [{pair.text: pair.scores["choice_accuracy"][1] for pair in queries.answers_of(store, run, cycle)
              if pair.tier == "held-out"} for run, cycle in ((weak, 2), (strong, 1))]
    store.close()
    both = [(tuned[0][text], tuned[1][text]) for text in tuned[0]]
    gains = [after - before for before, after in both if before is not None and after is not None]
    assert row["found"]["change"] == pytest.approx(sum(gains) / len(gains))  # type: ignore[index]
    assert row["adjusted_p"] is None


def test_other_questions_are_refused_with_the_reason_and_the_way_out(data: tuple[Path, dict[str, str]],
                                                                     capsys: pytest.CaptureFixture[str]) -> None:
    found = compared(capsys, data[1]["weak"], data[1]["other test"])
    assert not found["paired"] and "different held-out questions" in str(found["refused"][0]["reason"])
    assert "--held-out-set" in str(found["refused"][0]["reason"])


def test_the_cycles_of_one_run_are_compared_and_corrected_for_their_number(
        data: tuple[Path, dict[str, str]], capsys: pytest.CaptureFixture[str]) -> None:
    weak, strong = data[1]["weak"], data[1]["strong"]
    found = compared(capsys, f"{weak}:1", f"{weak}:2", strong)
    rows = [row for row in found["paired"] if row["metric"] == "choice_accuracy"]
    assert [row["other"] for row in rows] == [f"{weak}:2", f"{strong}:1"]
    assert all(row["adjusted_p"] >= row["found"]["t_p_value"] for row in rows)  # type: ignore[index, operator]


def test_people_read_it_as_a_table(data: tuple[Path, dict[str, str]], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compare", data[1]["weak"], data[1]["strong"]]) == 0
    told = capsys.readouterr().out
    assert "Differing settings:" in told and "on the same questions:" in told
    assert max(map(len, told.splitlines())) <= 140


@pytest.mark.parametrize(("runs", "says"), [
    (["weak", "weak"], "two or more different"), (["weak"], "two or more different"),
    (["weak", "nonsense"], "no run 'nonsense'"), (["weak", "queued"], "no results yet"),
    (["weak", "weak:7"], "has results of cycle 1, 2"),
])
def test_what_cannot_be_compared_is_refused(data: tuple[Path, dict[str, str]], capsys: pytest.CaptureFixture[str],
                                            runs: list[str], says: str) -> None:
    named = [":".join([data[1].get(run.partition(":")[0], run), *run.split(":")[1:]]) for run in runs]
    assert main(["compare", *named]) == 2
    assert says in capsys.readouterr().err


def test_no_winner_is_named_by_the_test_that_scored_it(data: tuple[Path, dict[str, str]],
                                                       capsys: pytest.CaptureFixture[str]) -> None:
    _, runs = data
    assert main(["compare", runs["weak"], runs["strong"]]) == 0
    said = capsys.readouterr().out
    assert "The test was answered 3 times, by as many tuned students in this store" in said
    assert "None of them is named the best by this test: " in said
    assert main(["compare", runs["weak"], runs["strong"], "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["best"] is None and "named the best" in found["best_refused"]
    assert main(["compare", runs["weak"], runs["other test"]]) == 0
    assert "named the best" not in capsys.readouterr().out  # they answered different tests
