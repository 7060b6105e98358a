"""The actions of `dataset` do what the page does, and refuse as it does."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from runner.cli.main import main
from store.database import Store
from store.dataset_items import APPROVED, REJECTED, UNDECIDED
from store.paths import Paths
from store.queries.dataset_items import dataset_items, dataset_review
from tests.store.made_review import asked_run, record, waiting_run

FIRST, SECOND = record(0).question_id, record(1).question_id


@pytest.fixture(autouse=True)
def _here(paths: Paths, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATA_DIR", str(paths.data))
    monkeypatch.setenv("STORE_URL", paths.store_url)


def states(store: Store, run: str) -> dict[str, str]:
    return {one.question_id: one.decision for one in dataset_items(store, run)}


def test_a_review_by_command_line(store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    run = waiting_run(store)
    assert main(["dataset", "list", run, "--part", "train", "--json"]) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert len(rows) == 6 and rows[0]["question_id"] == FIRST and rows[0]["decision"] == UNDECIDED
    assert main(["dataset", "edit", run, FIRST, "--answer", "It holds 9 bar.", "--by", "ann", "--reason", "typo",
                 "--seen", rows[0]["seen"]]) == 0
    assert "1 edited and approved; 9 undecided" in capsys.readouterr().out
    assert main(["dataset", "edit", run, FIRST, "--answer", "Other.", "--seen", rows[0]["seen"]]) == 2
    assert f"ann changed question {FIRST} after you saw it" in capsys.readouterr().err
    assert main(["dataset", "reject", run, SECOND]) == 2
    assert "a rejection needs a reason" in capsys.readouterr().err
    assert main(["dataset", "reject", run, SECOND, "--reason", "dull"]) == 0
    assert main(["dataset", "comment", run, FIRST, "--comment", "good", "--opinion", "keep", "--by", "ben"]) == 0
    assert main(["dataset", "show", run, FIRST]) == 0
    shown = capsys.readouterr().out
    assert "ann: edited: typo" in shown and "now 'It holds 9 bar.'" in shown and "ben: commented: good" in shown
    assert main(["dataset", "approve", run, "--rest"]) == 0
    assert f"8 approved; 0 undecided: the run goes on with 'python -m runner resume {run}'" in capsys.readouterr().out
    assert main(["dataset", "ask-again", run]) == 0
    assert "1 questions are written again" in capsys.readouterr().out
    assert states(store, run)[FIRST] == APPROVED and states(store, run)[SECOND] == REJECTED


@pytest.mark.parametrize(("command", "says"), [
    (["approve"], "needs ids of questions, or a filter"),
    (["reject", FIRST, "--rest", "--reason", "x"], "needs ids of questions, or a filter"),
    (["edit", FIRST], "edit changes nothing"),
    (["edit", "none", "--answer", "x"], "has no question 'none'"),
    (["show", "none"], "has no question 'none'"),
    (["comment", FIRST], "a comment needs words"),
    (["import", "none.csv"], "none.csv: it cannot be read"),
    (["ask-again"], "nothing is to be asked again")])
def test_what_cannot_be_is_refused_in_a_sentence(store: Store, command: list[str], says: str,
                                                 capsys: pytest.CaptureFixture[str]) -> None:
    run = waiting_run(store)
    assert main(["dataset", command[0], run, *command[1:]]) == 2
    error = capsys.readouterr().err
    assert says in error and "Traceback" not in error and set(states(store, run).values()) == {UNDECIDED}


def edited_csv(folder: Path, change: dict[str, str], drop: str = "", extra: str = "") -> Path:
    """The exported training set with some answers changed, a row deleted and a line added."""
    with (folder / "csv" / "train.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    path = folder / "edited.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(row | {"answer": change.get(row["id"], row["answer"])} for row in rows if row["id"] != drop)
        file.write(extra)
    return path


def test_a_set_that_was_edited_elsewhere_comes_back_as_a_version_with_its_difference(
        store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = asked_run(store)
    assert main(["dataset", "export", run, "--to", str(tmp_path / "one")]) == 0
    path = edited_csv(tmp_path / "one", {FIRST: "It holds 9 bar."}, drop=SECOND)
    capsys.readouterr()
    assert main(["dataset", "import", run, str(path), "--dry-run"]) == 0
    said = capsys.readouterr().out
    assert "1 edited, 1 not in the file and rejected, 0 approved, 2 unchanged" in said
    assert "-> 'It holds 9 bar.'" in said and dict(dataset_review(store, run).versions) == {"train": 1, "test": 1}
    assert main(["dataset", "import", run, str(path), "--by", "ann"]) == 0
    assert "2 changed; now train version 2, test version 1" in capsys.readouterr().out
    item = next(one for one in dataset_items(store, run) if one.question_id == FIRST)
    assert (item.answer, item.edited, item.by) == ("It holds 9 bar.", True, "ann")
    assert states(store, run)[SECOND] == REJECTED
    assert main(["dataset", "import", run, str(path)]) == 0  # it is so already
    assert main(["dataset", "edit", run, FIRST, "--answer", "Ben's answer.", "--by", "ben"]) == 0
    assert main(["dataset", "import", run, str(path)]) == 2
    assert f"ben changed question {FIRST}" in capsys.readouterr().err
    for version, answers in (("1", 4), ("2", 3)):
        assert main(["dataset", "export", run, "--to", str(tmp_path / f"v{version}"), "--version", version]) == 0
        rows = [json.loads(line) for line in (tmp_path / f"v{version}" / "plain" / "train.jsonl").open()]
        assert len(rows) == answers and ("It holds 9 bar." in [row["answer"] for row in rows]) == (version == "2")
    assert "Training set: version 2, corrected by people" in (tmp_path / "v2" / "README.md").read_text()
    assert main(["dataset", "export", run, "--to", str(tmp_path / "v9"), "--version", "9"]) == 2


def test_rows_that_are_new_are_peoples_own_in_the_next_version(store: Store, tmp_path: Path,
                                                               capsys: pytest.CaptureFixture[str]) -> None:
    run = asked_run(store)
    assert main(["dataset", "export", run, "--to", str(tmp_path / "one")]) == 0
    path = edited_csv(tmp_path / "one", {}, extra=(
        ",Who paints the pumps?,The painter of the plant does,,pumps,\n"
        ",Who is known to paint every pump?,The painter of the plant does,,pumps,test\n"
        ",How old is the gate?,Nine years,,,test\n"))
    capsys.readouterr()
    assert main(["dataset", "import", run, str(path), "--by", "ann"]) == 0
    said = capsys.readouterr().out
    assert "4 unchanged, 3 new" in said and "new (train): 'Who paints the pumps?" in said
    assert "now train version 2, test version 2" in said
    added = {item.question: item for item in dataset_items(store, run) if item.origin == "people"}
    assert [(one.part, one.tier, one.cycle) for one in added.values()] == [
        ("train", "practice", 1), ("test", "paraphrase", 0), ("test", "held-out", 0)]
    assert len({one.passage_id for one in added.values()}) == 2 and not any(one.edited for one in added.values())
    assert len(dataset_review(store, run, version=1).items) == 7
    assert main(["dataset", "import", run, str(path)]) == 0
    assert "7 unchanged" in capsys.readouterr().out
    assert main(["dataset", "export", run, "--to", str(tmp_path / "two")]) == 0
    assert "written by people (edited.csv)" in (tmp_path / "two" / "README.md").read_text()
    rows = [json.loads(line) for line in (tmp_path / "two" / "plain" / "train.jsonl").open()]
    assert [(row["origin"], row["passage"]) for row in rows if row["question"] == "Who paints the pumps?"] == [
        ("people", "")]


@pytest.mark.parametrize(("change", "extra", "says"), [
    ({FIRST: ""}, "", "row 2 has no answer"),
    ({}, "new,A new question of ours?,yes,,pumps,practice\n", "has the id 'new' that the run does not have: leave"),
    ({}, ",A new question of ours?,yes,,pumps,exam\n", "row 6 has 'exam' in the column split"),
    ({}, ",A new question of ours?,,,pumps,practice\n", "row 6 has no answer"),
    ({}, ",Which pressure does held-out unit number 0 hold in winter?!,yes,,pumps,practice\n",
     "row 6 is of the training set and is the same question as one of the test"),
    ({}, ",Which pressure does held-out unit number 0 hold in winter?!,yes,,pumps,\n",
     "row 6 is of the training set and is the same question as one of the test"),
    ({}, ",Which pressure does the held-out unit number 1 hold in the winter?,yes,,pumps,practice\n",
     "row 6 is new and asks in nearly the same words what the test asks"),
    ({}, ",How full is it?,Unit 1 (held-out) holds 1 bar in winter.,,pumps,practice\n",
     "row 6 is new and would teach the passage or the answer of a test question"),
    ({}, f"{FIRST},Asked in other words now?,yes,,pumps,practice\n", "is the same question as row 2"),
    ({}, '"cut off', "the file may be cut off")])
def test_a_faulty_import_changes_nothing_and_names_the_row(
        store: Store, tmp_path: Path, change: dict[str, str], extra: str, says: str,
        capsys: pytest.CaptureFixture[str]) -> None:
    run = asked_run(store)
    assert main(["dataset", "export", run, "--to", str(tmp_path / "one")]) == 0
    path = edited_csv(tmp_path / "one", change | {SECOND: "Changed."}, extra=extra)
    assert main(["dataset", "import", run, str(path)]) == 2
    assert says in capsys.readouterr().err
    assert dict(dataset_review(store, run).versions) == {"train": 1, "test": 1}
