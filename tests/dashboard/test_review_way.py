"""A person's way with questions of their own: upload, review, ask again, train, see what was changed, take it along.

On the page, in a browser, and by the command line, with a real store, real files and worker processes.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from runner.cli import foreground
from runner.cli.main import main
from runner.service.supervisor import Supervisor
from store import queries
from store.database import Store, open_store
from store.dataset_items import REJECTED, UNDECIDED, DatasetItem
from store.queries.dataset_items import dataset_items, dataset_review
from store.report import as_html, gather
from tests.addresses import address_in
from tests.dashboard.conftest import words_of
from tests.dashboard.served import serve
from tests.dashboard.windows import Window
from tests.runner.watching import until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]
Opened = Callable[..., AppTest]
WORKER = (sys.executable, str(Path(__file__).parents[1] / "runner" / "worker_on_demand.py"))
THINGS = ("queue", "backlog", "shard", "lane", "ticket", "buffer", "worker", "crew", "lease", "pool", "agent", "fiber",
          "valve", "boiler", "ledger", "window", "gasket", "turbine", "filter", "socket")
TRAINED = 12


def page_of(thing: str, number: int) -> str:
    return (f"# {thing.capitalize()} guide\n\nA {thing} is a record that the {thing}-keeper of the plant writes to "
            f"disk {number} every night.\n\n## Limits\n\nBy default a {thing} holds at most {number}0 entries, and "
            f"`max-{thing}s` changes that number for the whole plant.\n\n## Repair\n\nUse `fix-{thing}` to restore a "
            f"broken {thing} from the copy of last night, which takes {number} minutes.\n")


def exam() -> str:
    rows = [f"Who may replace the {thing} on {day}?,The {thing} team of {day} under rule {number}"
            for number, thing in enumerate(THINGS, 3) for day in ("Monday", "Friday")]
    return "question,answer\n" + "\n".join(rows) + "\n"


def executed(store: Store, data: Path, run: str) -> str:
    """Let a supervisor execute the run until it waits or ends; return its state."""
    from store.paths import Paths

    supervisor = Supervisor(store, Paths(data, store.url), worker=WORKER)
    while True:
        supervisor.tick()
        found = queries.find_run(store, run)
        assert found
        if not found.active and supervisor.child is None:
            supervisor.close()
            return found.work
        time.sleep(0.05)


def click(app: AppTest, key: str) -> AppTest:
    app.button(key=key).click().run()
    assert not app.exception, app.exception
    return app


def test_on_the_page(tmp_path: Path, opened: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    store = open_store(address_in(tmp_path))
    monkeypatch.setenv("DATA_DIR", str(tmp_path))
    app = opened(tmp_path, "dataset")
    app.file_uploader(key="upload documents").set_value([
        (f"{thing}.md", page_of(thing, number).encode(), "text/markdown") for number, thing in enumerate(THINGS, 3)
    ]).run()
    click(app, "keep documents")
    app.file_uploader(key="upload test").set_value([("exam.csv", exam().encode(), "text/csv")]).run()
    assert "40 test questions" in words_of(app)
    click(app, "keep questions")
    next(one for one in (*app.toggle, *app.checkbox) if one.label == "Pause after questions").set_value(True).run()
    click(app, "launch")
    (run,) = [one.id for one in queries.all_runs(store)]
    assert executed(store, tmp_path, run) == "waiting-for-review"
    train = [one for one in dataset_items(store, run) if one.part == "train"]
    assert len(train) == TRAINED and sum(one.part == "test" for one in dataset_items(store, run)) == 40

    for number, one in enumerate(train[:3]):
        st.cache_resource.clear()
        app = opened(tmp_path, "dataset", run=run, part="train", item=f"{one.question_id}-{one.cycle}")
        app.text_area(key=f"answer {one.question_id} {one.seen}").set_value(f"Ann's answer number {number} to this.")
        click(app, "Save and approve item")
    for one in train[3:8]:
        app = opened(tmp_path, "dataset", run=run, part="train", item=f"{one.question_id}-{one.cycle}")
        app.text_input(key=f"why {one.question_id} {one.seen}").set_value("too easy")
        click(app, "Reject item")
    app = opened(tmp_path, "dataset", run=run)
    click(app, "ask again")
    assert executed(store, tmp_path, run) == "waiting-for-review"
    assert sum(one.round == 2 for one in dataset_items(store, run)) == 5
    app = opened(tmp_path, "dataset", run=run, part="undecided")
    click(app, "approve filter")
    click(opened(tmp_path, "dataset", run=run), "finish review")
    assert executed(store, tmp_path, run) == "finished"
    assert_honest(store, run)
    assert "3 edited by people; 5 rejected by people" in words_of(opened(tmp_path, "overview", run=run))
    assert_taken_along(run, tmp_path / "out")
    store.close()


def made(store: Store, run: str, count: Callable[[list[DatasetItem]], int], wanted: int) -> None:
    """Wait until what was done on the page is in the store."""
    until(lambda: count(dataset_items(store, run)) == wanted)


@pytest.mark.browser
def test_in_a_browser(browser: Any, tmp_path: Path) -> None:
    store = open_store(address_in(tmp_path))
    with serve(tmp_path) as server:
        window = Window(browser, server)
        page = window.page
        window.open("dataset")
        page.get_by_text("Bring documents and questions of your own").click()
        page.locator(".st-key-upload-documents input[type=file]").set_input_files([
            {"name": f"{thing}.md", "mimeType": "text/markdown", "buffer": page_of(thing, number).encode()}
            for number, thing in enumerate(THINGS, 3)])
        page.get_by_role("button", name="Keep 20 documents and use them").click(timeout=300_000)
        page.get_by_text("20 documents kept in").wait_for(timeout=300_000)
        page.get_by_role("tab", name="Questions and answers").click()
        page.locator(".st-key-upload-test input[type=file]").set_input_files(
            [{"name": "exam.csv", "mimeType": "text/csv", "buffer": exam().encode()}])
        page.get_by_text("40 test questions").wait_for(timeout=300_000)
        page.get_by_role("button", name="Use these questions").click()
        page.get_by_text("Uses own test exam-").wait_for(timeout=300_000)
        window.settle()
        page.get_by_text("Advanced", exact=True).click()
        page.get_by_test_id("stSidebar").get_by_text("Pause after questions").click()
        window.settle()
        page.get_by_role("button", name="Launch run").click()
        page.wait_for_url("**/live?run=*", timeout=300_000)
        (run,) = [one.id for one in queries.all_runs(store)]
        assert executed(store, tmp_path, run) == "waiting-for-review"

        train = [one for one in dataset_items(store, run) if one.part == "train"]
        decide = page.locator(".st-key-decide")
        for number, one in enumerate(train[:8], 1):
            window.open("dataset", f"run={run}&part=train&item={one.question_id}-{one.cycle}")
            if number <= 3:
                decide.get_by_role("textbox", name="Reference").fill(f"Ann's answer number {number - 1} to this.")
                decide.get_by_role("button", name="Save and approve").click()
                made(store, run, lambda items: sum(item.edited for item in items), number)
            else:
                decide.get_by_role("textbox", name="Reason").fill("too easy")
                decide.get_by_role("button", name="Reject").click()
                made(store, run, lambda items: sum(item.decision == REJECTED for item in items), number - 3)
        window.open("dataset", f"run={run}")
        page.get_by_role("button", name="Ask again for 5").click()
        page.get_by_text("The questions can be changed when the run waits").wait_for(timeout=300_000)
        assert executed(store, tmp_path, run) == "waiting-for-review"
        window.open("dataset", f"run={run}&part=undecided")
        page.get_by_role("button", name="Approve all 49 shown").click()
        made(store, run, lambda items: sum(item.decision == UNDECIDED for item in items), 0)
        window.open("dataset", f"run={run}")
        page.get_by_role("button", name="Train on what is approved").click()
        until(lambda: dataset_review(store, run).finished)
        assert executed(store, tmp_path, run) == "finished"
        assert_honest(store, run)

        window.open("overview", f"run={run}")
        page.get_by_role("button", name="Evidence pack").click()
        with page.expect_download(timeout=300_000) as pack:
            page.get_by_role("button", name="Evidence as HTML").click()
        text = Path(pack.value.path()).read_text()
        assert "3 edited by people; 5 rejected by people" in text and "Ann&#39;s answer number 2 to this." in text
        window.open("dataset", f"run={run}")
        page.get_by_role("button", name="Take along").click()
        with page.expect_download(timeout=300_000) as chats:
            page.get_by_role("button", name="Training set: chat (JSONL)").click()
        assert_read_by_trl(Path(chats.value.path()), tmp_path)
        assert window.errors == [] and window.foreign == []
        window.close()
    store.close()


def test_by_the_command_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
                             capsys: pytest.CaptureFixture[str]) -> None:
    data, documents = tmp_path / "data", tmp_path / "documents"
    data.mkdir()
    documents.mkdir()
    monkeypatch.setenv("DATA_DIR", str(data))
    monkeypatch.setenv("STORE_URL", address_in(data))
    monkeypatch.setattr(foreground, "Supervisor", partial(Supervisor, worker=WORKER))
    for number, thing in enumerate(THINGS, 3):
        (documents / f"{thing}.md").write_text(page_of(thing, number))
    (tmp_path / "exam.csv").write_text(exam())
    assert main(["run", "--knowledge", str(documents), "--test", str(tmp_path / "exam.csv"), "--review", "--passes",
                 "2", "--set", "general_replay=0"]) == 3
    assert "Its questions wait for a review; no student has answered." in capsys.readouterr().out
    store = open_store(address_in(data))
    (run,) = [one.id for one in queries.all_runs(store)]
    assert main(["dataset", "list", run, "--part", "train", "--json"]) == 0
    train = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    for number, row in enumerate(train[:3]):
        assert main(["dataset", "edit", run, row["question_id"], "--answer", f"Ann's answer number {number} to this.",
                     "--by", "ann", "--seen", row["seen"]]) == 0
    assert main(["dataset", "reject", run, *(row["question_id"] for row in train[3:8]), "--reason", "too easy",
                 "--by", "ann"]) == 0
    assert main(["dataset", "ask-again", run]) == 0
    assert main(["resume", run]) == 3
    assert main(["dataset", "approve", run, "--rest", "--by", "ann"]) == 0
    assert main(["resume", run]) == 0
    assert_honest(store, run)
    assert_taken_along(run, tmp_path / "out")
    store.close()


def assert_honest(store: Store, run: str) -> None:
    """The pack says how much people edited and rejected, and has every edit with before and after."""
    assert not [one for one in dataset_items(store, run) if one.decision in (UNDECIDED, REJECTED)]
    evidence = gather(store, run)
    assert evidence
    page = as_html(evidence)
    assert "3 edited by people; 5 rejected by people" in page and "too easy" in page
    assert "Ann&#39;s answer number 2 to this." in page
    assert [len([one for one in evidence.edits if one.what == what]) for what in ("edited", "rejected")] == [3, 5]


def assert_taken_along(run: str, to: Path) -> None:
    """The export is read by the loader that TRL's trainers take their data from, with the edited answers in it."""
    assert main(["dataset", "export", run, "--to", str(to)]) == 0
    assert_read_by_trl(to / "chat" / "train.jsonl", to)


def assert_read_by_trl(file: Path, folder: Path) -> None:
    from datasets import load_dataset
    from trl.data_utils import is_conversational

    chats = load_dataset("json", data_files=str(file), split="train", cache_dir=str(folder / "c"))
    assert len(chats) == TRAINED and all(map(is_conversational, chats))
    assert "Ann's answer number 0 to this." in [row["messages"][1]["content"] for row in chats]
