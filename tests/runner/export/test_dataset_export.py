"""A run's questions and references as data sets: what the libraries of the field, and `run --practice`, read back."""

from __future__ import annotations

import csv
import json
from functools import partial
from pathlib import Path

import fakes
import pytest
from datasets import load_dataset
from trl.data_utils import is_conversational

from knowledge.question_sets import open_question_sets
from runner.cli.main import main
from runner.pipeline.worker import execute_claimed_run
from store import commands
from store.database import Store
from store.event_log import leases
from store.paths import Paths
from store.queries.dataset_items import dataset_items
from tests.plain_runs import plain_run

FORMULA = "=HYPERLINK(\"http://evil\") is what the cell of the sheet holds"


@pytest.fixture
def run(store: Store, paths: Paths) -> str:
    """A finished run whose training questions come from the notes."""
    id = commands.launch_run(store, plain_run(topics=("pods", "jobs"), questions=5, held_out=4, steps=2), "test")
    claim = leases.claim_next(store, leases.owner_name())
    assert claim and execute_claimed_run(claim, paths, partial(fakes.fake_resources)) == 0
    return id


@pytest.fixture
def exported(run: str, paths: Paths, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("DATA_DIR", str(paths.data))
    monkeypatch.setenv("STORE_URL", paths.store_url)
    assert main(["dataset", "export", run, "--to", str(tmp_path / "out")]) == 0
    return tmp_path / "out"


def test_trl_reads_the_chats_and_datasets_reads_the_folder(exported: Path, store: Store, run: str,
                                                           tmp_path: Path) -> None:
    items = {item.question: item for item in dataset_items(store, run) if item.part == "train"}
    cache = str(tmp_path / "cache")
    chats = load_dataset("json", data_files=str(exported / "chat" / "train.jsonl"), split="train", cache_dir=cache)
    assert len(chats) == len(items) == 5 and all(map(is_conversational, chats))
    asked, answered = zip(*((row["messages"][0]["content"], row["messages"][1]["content"]) for row in chats))
    assert [items[question].answer for question in asked] == list(answered)
    folder = load_dataset(str(exported), cache_dir=cache)
    assert {name: len(rows) for name, rows in folder.items()} == {"train": 5, "test": 4}
    assert set(folder["test"]["origin"]) == {"rules"} and all(folder["train"]["key_terms"])
    evidence = load_dataset(str(exported), "chat-with-evidence", cache_dir=cache, split="train")
    assert all(row["messages"][0]["content"].startswith(items[question].passage)
               for row, question in zip(evidence, asked))


@pytest.mark.parametrize("file", ["chat/train.jsonl", "plain/train.jsonl", "csv/train.csv"])
def test_a_practice_set_reads_its_own_export_back(exported: Path, store: Store, run: str, file: str) -> None:
    rows = open_question_sets(str(exported / file), "").practice
    items = [item for item in dataset_items(store, run) if item.part == "train"]
    assert [(row.question, row.answer) for row in rows] == [(item.question, item.answer) for item in items]
    if file.startswith("plain"):
        assert [row.passage for row in rows] == [item.passage for item in items]


def test_what_a_spreadsheet_would_execute_is_text_in_it_and_comes_back_as_it_was(
        store: Store, paths: Paths, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from tests.runner.pipeline.test_given_questions import FACTS, config, executed, test_file, write

    write(tmp_path / "p.csv", [("What does the first cell hold now?", FORMULA.replace('"', '""')), *FACTS[1:]])
    run = executed(store, paths, config(str(tmp_path / "p.csv"), test_file(tmp_path / "t.csv"), taught_questions=7))
    monkeypatch.setenv("DATA_DIR", str(paths.data))
    monkeypatch.setenv("STORE_URL", paths.store_url)
    assert main(["dataset", "export", run, "--to", str(tmp_path / "out")]) == 0
    text = (tmp_path / "out" / "csv" / "train.csv").read_text(encoding="utf-8-sig")
    assert next(csv.DictReader(text.splitlines()))["answer"] == f"'{FORMULA}"
    assert open_question_sets(str(tmp_path / "out" / "csv" / "train.csv"), "").practice[0].answer == FORMULA
    assert {json.loads(line)["origin"] for line in
            (tmp_path / "out" / "plain" / "train.jsonl").read_text().splitlines()} == {"people"}
    assert "written by people (p.csv)" in (tmp_path / "out" / "README.md").read_text()


def test_a_folder_with_files_and_an_unknown_run_are_refused_and_nothing_is_half_written(
        exported: Path, run: str, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    before = sorted(path.name for path in tmp_path.iterdir())
    assert main(["dataset", "export", run, "--to", str(exported)]) == 2
    assert "already exists: choose a new folder" in capsys.readouterr().err
    assert main(["dataset", "export", "none", "--to", str(tmp_path / "other")]) == 2
    assert "no run 'none'" in capsys.readouterr().err
    assert sorted(path.name for path in tmp_path.iterdir()) == before


def test_show_prints_who_wrote_what_and_json_every_item(exported: Path, run: str, store: Store,
                                                        capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    assert main(["dataset", "show", run, "--limit", "1"]) == 0
    said = capsys.readouterr().out
    assert "Training: 5 questions and 5 references, written by rules" in said and "... and 4 more of train" in said
    assert main(["dataset", "show", run, "--json", "--part", "test"]) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [row["question"] for row in rows] == [item.question for item in dataset_items(store, run)
                                                 if item.part == "test"]
