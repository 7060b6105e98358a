"""Two runs on documents that were edited between them: the second says what changed, and no passage changes sides."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fakes
import pytest

from knowledge.documents import read_folder
from knowledge.domain_json import from_json
from knowledge.split import HELD_OUT_SIDE, PRACTICE_SIDE, side_of
from runner.cli.documents_notes import documents_notes
from runner.cli.main import main
from runner.pipeline.documents_reader import DocumentsReader
from runner.pipeline.resources import RunResources
from runner.pipeline.run_knowledge import reading_reporter
from runner.pipeline.worker import build_resources, execute_claimed_run
from store.analysis.earlier_documents import COPY
from store import commands, queries
from store.database import Store, open_store
from store.event_log import leases
from store.event_log.journal import read_events
from store.events import KnowledgeRead, StageProgressed
from store.paths import Paths
from store.run_config import RunConfig
from tests.knowledge.folder_files import fact, write
from tests.plain_runs import plain_run

WORDS = ("lighthouse", "harbour", "ferry", "anchor", "sail", "mast", "rudder", "keel", "buoy", "pier", "dock", "tide",
         "compass", "chart", "log", "cabin")


def resources(config: RunConfig, run: str, store: Store, paths: Paths, journal: Any) -> RunResources:
    """Fake teacher, student and judge with the documents as a real run opens them."""
    made, real = fakes.fake_resources(config, run, store, paths, journal), build_resources(config, run, store, paths,
                                                                                          journal)
    made.keep_apart = real.keep_apart
    made.open_domain = lambda: real.open_domain()
    real.report_reading = lambda progress: made.report_reading(progress)
    return made


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DATA_DIR", str(tmp_path / "data"))
    monkeypatch.delenv("STORE_URL", raising=False)
    (tmp_path / "data").mkdir()
    return tmp_path / "data"


@pytest.fixture
def store(data: Path) -> Iterator[Store]:
    opened = open_store(f"sqlite:///{data / 'events.db'}")
    yield opened
    opened.close()


def executed(store: Store, data: Path, config: RunConfig) -> str:
    """Launch a run and execute it to its end; its id."""
    run = commands.launch_run(store, config, "test")
    claim = leases.claim_next(store, leases.owner_name())
    assert claim and claim.run == run
    execute_claimed_run(claim, Paths(data, store.url), resources)
    found = queries.find_run(store, run)
    assert found and found.work == "finished", found and found.error
    return run


def knowledge_read(store: Store, run: str) -> KnowledgeRead:
    return next(item.event for item in read_events(store, run) if isinstance(item.event, KnowledgeRead))


def said(number: int) -> str:
    return (f"The keeper of the northern tower writes the hour of every passing ship into a book of {number} pages "
            "and sends it to the office at the end of the month.")


def page_on(side: str, folder: Path) -> str:
    """Write the keeper's page so that its passage is on a side; the passage's id."""
    for number in range(100, 400):
        write(folder / "keeper.md", f"# Keeper\n\n{said(number)}\n")
        passage = next(one for one in read_folder(folder).passages if one.address.startswith("keeper"))
        if side_of(passage.id) == side:
            return passage.id
    raise AssertionError(side)


def test_what_was_taught_is_not_tested_later_in_other_words(data: Path, store: Store, tmp_path: Path,
                                                           capsys: pytest.CaptureFixture[str]) -> None:
    docs = tmp_path / "docs"
    for word in WORDS:
        write(docs / f"{word}.md", f"# {word.capitalize()}\n\n{fact(word)}\n")
    page_on(PRACTICE_SIDE, docs)
    config = plain_run(knowledge=str(docs), topics=(), questions=4, held_out=2, steps=2)
    first = executed(store, data, config)
    assert knowledge_read(store, first).compared_with == ""
    reworded = page_on(HELD_OUT_SIDE, docs)
    (docs / f"{WORDS[0]}.md").unlink()
    write(docs / "crane.md", f"# Crane\n\n{fact('crane')}\n")
    sentence = (f"Compared with the documents of run {first}: 2 passages are new (1 of them reworded), 2 passages are "
                "gone; 1 would change sides of the split by that and are used on neither.")
    assert sentence in documents_notes(config, DocumentsReader(data / "documents"), store)
    assert main(["knowledge", "--knowledge", str(docs)]) == 0 and sentence in capsys.readouterr().out

    second = executed(store, data, config)
    read = knowledge_read(store, second)
    assert (read.compared_with, read.new, read.gone, read.reworded, read.excluded) == (first, 2, 2, 1, 1)
    copy = from_json((Paths(data, store.url).run(second) / COPY).read_text(encoding="utf-8"))
    assert copy.excluded == {reworded}
    asked = {row.passage_id for row in queries.answers_of(store, second, 1)}
    assert asked and reworded not in asked

    third = knowledge_read(store, executed(store, data, config))
    assert (third.compared_with, third.new, third.gone, third.excluded) == (second, 0, 0, 1)
    other = knowledge_read(store, executed(store, data, plain_run(questions=4, held_out=2, steps=2)))
    assert other.compared_with == "", "the built-in domain is another one"


def test_reading_is_shown_as_the_progress_of_its_stage(data: Path, store: Store, tmp_path: Path,
                                                       monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("runner.pipeline.run_knowledge.REPORT_SECONDS", 0.0)
    for word in WORDS:
        write(tmp_path / "docs" / f"{word}.md", f"# {word.capitalize()}\n\n{fact(word)}\n")
    config = plain_run(knowledge=str(tmp_path / "docs"), topics=(), questions=4, held_out=2, steps=2)
    run = executed(store, data, config)
    details = [item.event.detail for item in read_events(store, run) if isinstance(item.event, StageProgressed)]
    assert any(detail.startswith(f"reading: 7 of {len(WORDS)} files, ") for detail in details)
    assert any(detail.startswith("cutting passages: ") for detail in details)
    assert any(detail.startswith("writing questions: ") for detail in details)


def test_progress_is_recorded_once_a_second(tmp_path: Path) -> None:
    now, told = [0.0], list[tuple[int, int, str, str]]()
    report = reading_reporter(lambda *given: told.append(given), lambda: now[0])
    for number in range(10):
        write(tmp_path / f"{number}.md", f"# P\n\n{fact(WORDS[number])}\n")

    def tick(progress: Any) -> None:
        now[0] += 0.25
        report(progress)
    read_folder(tmp_path, "Docs", tick)
    assert told[0][:3] == (4, 10, "files") and told[0][3].startswith("reading: 4 of 10 files, 0.0 MB")
    assert told[1][:3] == (8, 10, "files") and told[2][2] == "pages"
