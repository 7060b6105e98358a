"""What of a folder is not in its passages is named by `knowledge`, and before a run starts."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from runner.cli.main import main
from runner.cli.documents_notes import documents_notes
from runner.pipeline.preflight import preflight_errors
from store.paths import Paths
from tests.knowledge.folder_files import FACT, write
from tests.plain_runs import plain_run

GERMAN = ("Der Regler öffnet das Einlassventil innerhalb von 27 Millisekunden nach dem Startsignal und schreibt den "
          "Druck in das Protokoll.")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    docs = tmp_path / "docs"
    write(docs / "good.md", f"# Good\n\n{FACT} The name is {{{{ x }}}} in every release of the queue.\n")
    write(docs / "sums.xlsx", b"PK")
    write(docs / "letter.docx", b"PK")
    write(docs / "rows.md", "| a | b |\n|---|---|\n" + "| 1 | 2 |\n" * 3000)
    return docs


def test_knowledge_names_every_file_and_counts_sentences_by_rule(folder: Path,
                                                                capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["knowledge", "--knowledge", str(folder)]) == 0
    said = capsys.readouterr().out
    for text in ("files left out: 3", "sums.xlsx: a .xlsx file: only Markdown", "letter.docx: a broken Word file",
                 "rows.md: no passage of prose", "sentences left out: 1 (braces"):
        assert text in said
    assert main(["knowledge", "--knowledge", str(folder), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert {file["path"] for file in found["left_out"]} == {"sums.xlsx", "letter.docx", "rows.md"}
    assert list(found["sentences_left_out"].values()) == [1] and found["remarks"] == []


def test_left_out_files_are_named_before_a_run(folder: Path) -> None:
    for number in range(4):
        write(folder / f"more-{number}.csv", "a,b")
    notes = documents_notes(plain_run(knowledge=str(folder), topics=()))
    assert notes[0] == "files left out: 7" and any("letter.docx" in note for note in notes)
    assert any("and 2 more" in note for note in notes)
    assert documents_notes(plain_run()) == []


def test_fewer_facts_than_questions_are_said_with_both_numbers(folder: Path) -> None:
    (note,) = documents_notes(plain_run(questions=1000, cycles=10))
    assert "10,000 training questions" in note and re.search(r"have 1,\d{3} training passages", note)
    notes = [note for note in documents_notes(plain_run(knowledge=str(folder), topics=())) if "asked for" in note]
    assert len(notes) == 2 and "12 training questions" in notes[0] and "12 held-out questions" in notes[1]


def test_the_offline_teacher_says_that_it_asks_in_english_only(folder: Path, tmp_path: Path,
                                                               capsys: pytest.CaptureFixture[str]) -> None:
    write(folder / "ventile.md", f"# Ventile\n\n{GERMAN}\n")
    config = plain_run(knowledge=str(folder), topics=())
    assert any("English only, and 1 of 2 passages" in note for note in documents_notes(config))
    assert main(["knowledge", "--knowledge", str(folder)]) == 0
    assert "English only, and 1 of 2 passages" in capsys.readouterr().out
    write(tmp_path / "nur" / "ventile.md", f"# Ventile\n\n{GERMAN}\n")
    errors = preflight_errors(plain_run(knowledge=str(tmp_path / "nur"), topics=()),
                              Paths(tmp_path, f"sqlite:///{tmp_path / 'events.db'}"))
    assert len(errors) == 1 and "asks in English only" in errors[0] and "--teacher" in errors[0]
