"""Documents that are edited, added or removed between a kill and `resume`: a run never mixes two states of them."""

from __future__ import annotations

import importlib.util
import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path

import fakes
import pytest

from knowledge.documents import domain_of_folder
from knowledge.domain import Domain, kubernetes
from knowledge.domain_json import from_json, to_json
from runner.pipeline.worker import execute_claimed_run
from store.analysis.earlier_documents import COPY
from store import commands, queries
from store.database import Store, open_store
from store.event_log import leases
from store.event_log.journal import read_events
from store.events import KnowledgeChanged, KnowledgeRead
from store.paths import Paths
from tests.plain_runs import plain_run

FILES = 4


def write_documents(folder: Path) -> None:
    """Four guides that the installed streamlit package carries."""
    spec = importlib.util.find_spec("streamlit")
    assert spec and spec.origin
    guides = (Path(spec.origin).parent / ".agents").rglob("*.md")
    folder.mkdir(exist_ok=True)
    for number, guide in enumerate(sorted(guides, key=lambda file: (-file.stat().st_size, file.name))[8:8 + FILES + 1]):
        if number < FILES:
            shutil.copy(guide, folder / f"{number}.md")
        else:
            shutil.copy(guide, folder.parent / "another.md")


def edit(folder: Path) -> None:
    for file in folder.glob("*.md"):
        file.write_text(file.read_text().replace(" the ", " that ").replace(" your ", " our "))


def edit_headings(folder: Path) -> None:
    for file in folder.glob("*.md"):
        file.write_text(file.read_text().replace("\n## ", "\n## About "))


def add(folder: Path) -> None:
    shutil.copy(folder.parent / "another.md", folder)


CHANGES: list[Callable[[Path], object]] = [edit, edit_headings, add, lambda folder: (folder / "1.md").unlink(),
                                           shutil.rmtree]


class Trial:
    """One run over a folder of documents, attempt by attempt."""

    def __init__(self, tmp_path: Path) -> None:
        self.folder, self.data = tmp_path / "docs", tmp_path / "data"
        write_documents(self.folder)
        self.data.mkdir()
        self.store: Store = open_store(f"sqlite:///{self.data / 'events.db'}")
        config = plain_run(knowledge=str(self.folder), topics=(), questions=2, held_out=2, steps=2)
        self.run = commands.launch_run(self.store, config, "test")

    def domain(self) -> Domain:
        return domain_of_folder(self.folder)

    def attempt(self, killed_at: int = 0) -> None:
        """Carry the run on in a process; kill it with -9 at the student's call of that number."""
        url = self.store.url
        self.store.close()
        if (pid := os.fork()) == 0:
            os._exit(self._child(url, killed_at))
        _, status = os.waitpid(pid, 0)
        assert os.waitstatus_to_exitcode(status) == (-signal.SIGKILL if killed_at else 0)
        self.store = open_store(url)
        leases.release_dead_claims(self.store, lambda owner: True)

    def _child(self, url: str, killed_at: int) -> int:
        calls = []

        def fail(where: str) -> None:
            calls.append(where)
            if len(calls) == killed_at:
                os.kill(os.getpid(), signal.SIGKILL)
        claim = leases.claim_next(open_store(url), leases.owner_name())
        assert claim
        return execute_claimed_run(claim, Paths(self.data, url), lambda *given: fakes.fake_resources(
            *given, fail=fail, domain=self.domain))

    def copy(self) -> Path:
        return Paths(self.data, self.store.url).run(self.run) / COPY

    def changes(self) -> list[KnowledgeChanged]:
        return [item.event for item in read_events(self.store, self.run) if isinstance(item.event, KnowledgeChanged)]

    def found(self) -> queries.Run:
        run = queries.find_run(self.store, self.run)
        assert run
        return run


@pytest.fixture
def trial(tmp_path: Path) -> Trial:
    return Trial(tmp_path)


@pytest.mark.parametrize("change", CHANGES, ids=["edited", "headings edited", "added", "removed", "all removed"])
def test_a_killed_run_goes_on_with_its_own_copy_and_says_so(trial: Trial, change: Callable[[Path], object]) -> None:
    before = trial.domain()
    trial.attempt(killed_at=1)
    change(trial.folder)
    trial.attempt()
    assert trial.found().work == "finished", trial.found().error
    assert {pair.passage for pair in queries.answers_of(trial.store, trial.run, 1)} <= {p.text for p in before.passages}
    (said,) = trial.changes()
    assert said.knowledge_hash == before.hash == trial.found().knowledge_hash
    if change is shutil.rmtree:
        assert not said.found_hash and str(trial.folder) in said.reason
    else:
        assert said.found_hash == trial.domain().hash and said.added + said.removed > 0


def test_documents_as_they_were_need_no_copy_and_no_word(trial: Trial) -> None:
    trial.attempt(killed_at=1)
    trial.copy().unlink()
    trial.attempt()
    assert trial.found().work == "finished" and not trial.changes()


@pytest.mark.parametrize("spoil", [lambda copy: copy.unlink(), lambda copy: copy.write_text(copy.read_text()[:500]),
                                   lambda copy: copy.write_text(copy.read_text().replace(" the ", " that "))],
                         ids=["none", "half", "altered"])
def test_without_a_usable_copy_it_is_refused_with_both_hashes_and_resumes_when_they_are_back(
        trial: Trial, spoil: Callable[[Path], object]) -> None:
    trial.attempt(killed_at=1)
    spoil(trial.copy())
    before = trial.domain().hash
    edit(trial.folder)
    trial.attempt()
    refused = trial.found()
    assert refused.work == "failed" and refused.error_kind == "knowledge changed"
    assert before in str(refused.error) and trial.domain().hash in str(refused.error)
    assert "launch a new run" in str(refused.advice)
    assert not [row for row in queries.answers_of(trial.store, trial.run, 1) if row.tier == "practice"]
    write_documents(trial.folder)
    commands.change_run_state(trial.store, "retry", trial.run)
    trial.attempt()
    assert trial.found().work == "finished"


def test_before_the_test_is_written_the_documents_count_as_they_are(trial: Trial) -> None:
    """A run that has no test yet takes the documents of the moment, also where a copy lies in its folder."""
    trial.copy().parent.mkdir(parents=True)
    trial.copy().write_text(to_json(trial.domain()))
    edit(trial.folder)
    trial.attempt()
    assert trial.found().knowledge_hash == trial.domain().hash == from_json(trial.copy().read_text()).hash
    assert not trial.changes()


def test_the_built_in_domain_survives_the_way_through_the_copy() -> None:
    again = from_json(to_json(kubernetes()))
    assert (again.passages, again.hash, again.topic_names, again.follows_from) == (
        kubernetes().passages, kubernetes().hash, kubernetes().topic_names, kubernetes().follows_from)


def test_every_run_records_the_documents_that_its_copy_holds(trial: Trial) -> None:
    trial.attempt()
    (read,) = [item.event for item in read_events(trial.store, trial.run) if isinstance(item.event, KnowledgeRead)]
    assert from_json(trial.copy().read_text()).hash == read.knowledge_hash
