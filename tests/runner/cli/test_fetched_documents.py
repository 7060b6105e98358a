"""The command line takes a repository or an archive as documents, and a run names the commit or the hash."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

from dashboard.access import knowledge_loader
from knowledge.documents import ingest
from runner.cli.documents_notes import documents_notes
from runner.cli.main import main, parser
from runner.cli.run import config_of
from runner.pipeline.documents_reader import DocumentsReader
from runner.pipeline.preflight import preflight_errors
from store.paths import default_paths
from store.program_name import as_called
from tests.knowledge.folder_files import FACT, write
from tests.knowledge.sources.git_server import commit
from tests.knowledge.sources.test_archives import zip_of
from tests.plain_runs import plain_run


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DATA_DIR", str(tmp_path / "data"))
    monkeypatch.delenv("STORE_URL", raising=False)
    return tmp_path / "data"


def test_a_run_names_the_commit_of_its_documents(data: Path, tmp_path: Path) -> None:
    write(tmp_path / "work" / "page.md", f"# Page\n\n{FACT}\n")
    found = commit(tmp_path / "work")
    config = config_of(parser(["run"]).parse_args(["run", "--knowledge", f"git+file://{tmp_path}/work@main"]))
    assert config.knowledge == f"git+file://{tmp_path}/work@{found}" and config.topics == ()
    assert (data / "documents" / found / "content" / "page.md").is_file()
    errors = preflight_errors(config, default_paths())
    assert not [error for error in errors if "work" in error], errors


def test_an_installed_wheel_names_its_own_command(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(knowledge_loader, "as_called", partial(as_called, installed=True))
    archive = zip_of(tmp_path / "guide.zip", ["docs/queues.md"])
    with pytest.raises(knowledge_loader.KnowledgeError, match="not fetched yet: `distill knowledge --knowledge"):
        knowledge_loader.open_knowledge(knowledge_loader.normalize_path(str(archive)))


def test_an_archive_is_listed_with_the_address_that_pages_take(data: Path, tmp_path: Path,
                                                               capsys: pytest.CaptureFixture[str]) -> None:
    archive = zip_of(tmp_path / "guide.zip", ["docs/queues.md"])
    with pytest.raises(knowledge_loader.KnowledgeError, match="not fetched yet: `python -m runner knowledge"):
        knowledge_loader.open_knowledge(knowledge_loader.normalize_path(str(archive)))
    assert main(["knowledge", "--knowledge", str(archive)]) == 0
    out, err = capsys.readouterr()
    address = next(line for line in out.splitlines() if line.startswith("address of this state: ")).split(": ")[1]
    assert f"fetching {archive}" in err and address.startswith(f"{archive}#sha256=")
    shown = knowledge_loader.open_knowledge(knowledge_loader.normalize_path(address))
    assert shown.domain.name == "Guide" and len(shown.domain.passages) == 1
    assert knowledge_loader.folder_fingerprint(address)


@pytest.mark.parametrize("command", ["knowledge", "run"])
def test_what_cannot_be_fetched_is_one_sentence_and_exit_code_2(data: Path, tmp_path: Path, command: str,
                                                                capsys: pytest.CaptureFixture[str]) -> None:
    assert main([command, "--knowledge", str(zip_of(tmp_path / "a.zip", ["../out.md"]))]) == 2
    said = capsys.readouterr().err.splitlines()
    assert "leads out of the archive" in said[-1] and len([line for line in said if line.startswith("error")]) == 1
    assert not (data / "events.db").exists() and list((data / "documents").iterdir()) == []


def test_documents_are_read_once_for_all_checks_and_notes(data: Path, tmp_path: Path,
                                                          monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "docs" / "page.md", f"# Page\n\n{FACT}\n")
    read = list[str]()
    monkeypatch.setattr(ingest, "read_file", lambda file, path, real=ingest.read_file: (read.append(path),
                                                                                      real(file, path))[1])
    config, documents = plain_run(knowledge=str(tmp_path / "docs"), topics=()), DocumentsReader(data / "documents")
    for _ in range(2):
        preflight_errors(config, default_paths(), documents=documents)
        assert documents_notes(config, documents)
    assert read == ["page.md"]
