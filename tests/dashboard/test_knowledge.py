"""The page Documents: built-in domain, a good folder, a bad one, a missing one."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
import re
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from dashboard.access import cached_queries, knowledge_loader, store_access
from dashboard.access.knowledge_loader import KnowledgeError
from dashboard.panels import knowledge_panels
from dashboard.style import labels
from dashboard.view_models import export_rows, topic_coverage
from dashboard.view_models.topic_coverage import PassageFilter
from knowledge.domain import Domain, kubernetes
from knowledge.domain_json import to_json
from knowledge.kubernetes.topics import BUILT_IN
from knowledge.split import held_out_passages, practice_passages, side_of
from runner.cli.main import main
from store import csv_json_html, queries
from store.analysis.earlier_documents import COPY
from store.database import Store
from store.events import KnowledgeRead
from store.queries import AskedPassage
from store.run_config import RunConfig
from tests.dashboard import stores
from tests.dashboard.conftest import words_of
from tests.dashboard.folders import TAG, manual
from tests.dashboard.run_maker import RunMaker, clock_at

Opened = Callable[..., AppTest]
Folders = dict[str, tuple[Path, str | None]]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return manual(tmp_path_factory.mktemp("docs") / "plant_manual")


@pytest.fixture
def paid_store(state_folders: Folders) -> Iterator[tuple[Store, str]]:
    data, run = state_folders["paid"]
    store = stores.store_at(data)
    yield store, str(run)
    store.close()


# --- the page ---------------------------------------------------------------------------------------------

def test_a_folder_is_compared_with_an_earlier_run_as_the_command_compares_it(
        tmp_path: Path, opened: Opened, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    folder = manual(tmp_path / "docs")
    monkeypatch.setenv("DATA_DIR", str(tmp_path))
    read = knowledge_loader.open_knowledge(str(folder)).domain
    store = stores.store_at(tmp_path)
    with clock_at(datetime(2026, 11, 1, tzinfo=UTC)) as clock:
        maker = RunMaker(store, RunConfig(knowledge=str(folder), topics=()), clock).start()
        maker.say(KnowledgeRead(read.name, read.hash, len(read.passages)))
    store.close()
    copy = tmp_path / "runs" / maker.run / COPY
    copy.parent.mkdir(parents=True)
    copy.write_text(to_json(read), encoding="utf-8")
    moved = _reworded_to_the_other_side(folder, read)

    app = opened(tmp_path, "knowledge", knowledge=str(folder))
    assert not app.exception
    (sentence,) = [one.value for one in app.info if "Compared with" in one.value]
    assert re.search(rf"run {maker.run}: \d+ passages? (is|are) new \(\d+ of them reworded\), .* 1 would change sides",
                     sentence)
    assert main(["knowledge", "--knowledge", str(folder)]) == 0 and sentence in capsys.readouterr().out
    shown = cached_queries.compared_documents(store_access.read_store(), str(folder)).domain
    assert shown.excluded == {moved} and topic_coverage.split_of_passages(shown)[moved] == topic_coverage.NEITHER


def _reworded_to_the_other_side(folder: Path, read: Domain) -> str:
    """Edit one sentence of a page so that its passage is on the other side of the split; the new passage's id."""
    known = {passage.id for passage in read.passages}
    page = folder / "queues" / "queue.md"
    text = page.read_text(encoding="utf-8")
    for number in range(100):
        page.write_text(text.replace("every night", f"every night at {number} sharp"), encoding="utf-8")
        now = knowledge_loader.open_knowledge(str(folder)).domain
        (new,) = [passage for passage in now.passages if passage.id not in known]
        old = next(passage for passage in read.passages if passage.title == new.title)
        if side_of(new.id) != side_of(old.id):
            return new.id
    raise AssertionError("no wording is on the other side")


@pytest.mark.parametrize("state", ["empty", "finished"])
def test_the_built_in_knowledge_is_shown_with_or_without_a_store(state: str, state_folders: Folders,
                                                                 opened: Opened) -> None:
    app = opened(state_folders[state][0], "knowledge")
    assert not app.exception
    assert kubernetes().hash in words_of(app)
    topics = app.dataframe[0].value
    assert len(topics) == 20
    assert {"notes", "API", "train", "test", "questions used"} <= set(topics.columns)
    assert "knowledge" not in app.query_params


@pytest.mark.parametrize("state", ["empty", "finished"])
def test_a_folder_is_shown_with_what_was_skipped(state: str, state_folders: Folders, folder: Path,
                                                 opened: Opened) -> None:
    app = opened(state_folders[state][0], "knowledge", knowledge=str(folder))
    assert not app.exception
    assert str(folder) in words_of(app)
    assert "No passage can be held out" in words_of(app), "too few documents here: said, not hidden"
    topics, skipped = app.dataframe[0].value, app.dataframe[1].value
    if "path" in topics.columns:
        topics, skipped = skipped, topics
    assert set(topics["topic"]) == {"Queues", "Workers"}
    assert {"broken.md", "junk.md", "slides.pptx"} == set(skipped["path"])
    assert all(skipped["reason"])
    assert str(folder) in app.query_params["knowledge"]
    assert {"Reading report (HTML)", "Reading report (JSON)"} <= {
        button.proto.label for button in app.get("download_button")}


def test_the_reading_report_is_made_when_it_is_asked_for(folder: Path) -> None:
    knowledge = knowledge_loader.open_knowledge(str(folder))
    assert json.loads(knowledge_panels._report(knowledge, "json"))["knowledge_hash"] == knowledge.domain.hash
    assert b"broken.md" in knowledge_panels._report(knowledge, "html")


@pytest.mark.parametrize("state", ["empty", "finished"])
def test_a_folder_that_is_missing_is_one_sentence(state: str, state_folders: Folders, tmp_path: Path,
                                                  opened: Opened) -> None:
    app = opened(state_folders[state][0], "knowledge", knowledge=str(tmp_path / "gone"))
    assert not app.exception
    assert "there is no such folder" in words_of(app)
    assert not app.main.dataframe


@pytest.mark.parametrize("state", ["empty", "finished"])
def test_a_folder_without_documents_says_why(state: str, state_folders: Folders, tmp_path: Path,
                                             opened: Opened) -> None:
    (tmp_path / "junk.md").write_bytes(bytes(range(256)) * 20)
    app = opened(state_folders[state][0], "knowledge", knowledge=str(tmp_path))
    assert not app.exception
    assert "nothing readable in it" in words_of(app) and "junk.md" in words_of(app)


def test_a_hostile_folder_is_text_and_nothing_else(tmp_path: Path, opened: Opened) -> None:
    docs = manual(tmp_path / "docs", hostile=True)
    app = opened(tmp_path, "knowledge", knowledge=str(docs))
    assert not app.exception
    for kind in ("markdown", "title", "subheader", "caption", "info", "warning", "error", "success", "html"):
        assert not [element for element in app.get(kind) if "bomb" in str(element.value)], kind
    assert any(TAG in code.value for code in app.code)
    assert any(":red[bomb]" in option for option in app.selectbox(key="topic").options)


def test_passages_are_narrowed_by_topic_side_and_words(tmp_path: Path, folder: Path, opened: Opened) -> None:
    app = opened(tmp_path, "knowledge", knowledge=str(folder), topic="queues")
    assert app.selectbox(key="topic").value == "queues"
    app.text_input(key="passage words").set_value("BACKLOG fix").run()
    assert not app.exception
    assert "Use fix-backlog to restore a broken backlog" in words_of(app)
    app.text_input(key="passage words").set_value("no such words").run()
    assert "No passage matches these filters." in words_of(app)


def test_a_topic_of_other_knowledge_falls_back(tmp_path: Path, folder: Path, opened: Opened) -> None:
    app = opened(tmp_path, "knowledge", knowledge=str(folder), topic="pods", side="<b>")
    assert (app.selectbox(key="topic").value, app.selectbox(key="side").value) == ("all", "all")


def test_the_typed_folder_stays_while_other_pages_are_looked_at(tmp_path: Path, folder: Path, opened: Opened) -> None:
    app = opened(tmp_path, "knowledge")
    app.text_input(key="knowledge").set_value(str(folder)).run()
    assert str(folder) in app.query_params["knowledge"]
    app.switch_page("app_pages/overview.py").run()
    app.switch_page("app_pages/knowledge.py").run()
    assert app.text_input(key="knowledge").value == str(folder)
    app.text_input(key="knowledge").set_value("").run()
    assert "Kubernetes v1.28" in words_of(app) and "knowledge" not in app.query_params


def test_what_was_asked_is_counted_on_its_passages(tmp_path: Path, opened: Opened) -> None:
    pods = kubernetes().of_topic("pods")[:2]
    store = stores.store_at(tmp_path)
    with clock_at(stores.long_ago(1)) as clock:
        maker = RunMaker(store, stores.config_of(cycles=1), clock).start()
        made = maker.question
        maker.question = lambda name, tier, topic, number: dataclasses.replace(  # type: ignore[method-assign]
            made(name, tier, "pods", number), passage_id=pods[number % 2].id)
        maker.opening().finish()
    store.close()
    topics = opened(tmp_path, "knowledge").dataframe[0].value.set_index("topic")
    assert topics.loc["Pods", "questions used"] == 40
    assert topics.loc["Pods", "passages used"] == 2
    assert topics["questions used"].sum() == 40


# --- the pure parts ---------------------------------------------------------------------------------------

def test_a_place_is_the_built_in_knowledge_or_an_absolute_folder(tmp_path: Path,
                                                                 monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert knowledge_loader.normalize_path("  ") == knowledge_loader.normalize_path(BUILT_IN) == BUILT_IN
    assert knowledge_loader.normalize_path("docs/") == str(tmp_path / "docs")
    assert knowledge_loader.normalize_path("~nobody-of-this-name/x") == "~nobody-of-this-name/x"


def test_a_changed_document_is_another_state(tmp_path: Path) -> None:
    docs = manual(tmp_path / "docs")
    (docs / "again").symlink_to(docs)
    before = knowledge_loader.folder_fingerprint(str(docs))
    assert knowledge_loader.folder_fingerprint(str(docs)) == before
    (docs / "queues" / "queue.md").write_text("# Queue\n\nA queue is another thing by now, and a longer one too.\n")
    assert knowledge_loader.folder_fingerprint(str(docs)) != before


def test_a_folder_with_too_much_in_it_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(knowledge_loader, "MOST_DOCUMENTS", 3)
    with pytest.raises(KnowledgeError, match="more than 3 documents"):
        knowledge_loader.folder_fingerprint(str(manual(tmp_path / "docs")))


@pytest.mark.parametrize("place", ["/no/such/folder", "/dev/null", "x" * 5000, "/a\x00b"])
def test_what_cannot_be_opened_is_one_sentence(place: str) -> None:
    with pytest.raises(KnowledgeError) as caught:
        knowledge_loader.open_knowledge(place)
    assert "\n" not in str(caught.value) and str(caught.value)


def test_the_sides_and_topics_add_up(folder: Path) -> None:
    domain = knowledge_loader.open_knowledge(str(folder)).domain
    sides = topic_coverage.split_of_passages(domain)
    some = domain.passages[0]
    rows = topic_coverage.by_topic(domain, sides, topic_coverage.asked_passages(
        [AskedPassage(some.id, "queues", 3), AskedPassage(some.id, "other", 2), AskedPassage("elsewhere", "x", 9)]))
    assert sum(row.passages for row in rows) == len(domain.passages) == len(sides)
    assert sum(row.practice for row in rows) + sum(row.held_out for row in rows) <= len(sides)
    assert (sum(row.asked for row in rows), sum(row.passages_asked for row in rows)) == (5, 1)
    for side in topic_coverage.SIDES:
        assert {sides[passage.id] for passage in topic_coverage.filter_passages(domain.passages, sides,
                                                                                PassageFilter(side=side))} <= {side}


def test_the_built_in_knowledge_has_both_sides_and_a_remainder() -> None:
    domain = kubernetes()
    counted = Counter(topic_coverage.split_of_passages(domain).values())
    assert counted["practice"] == len(practice_passages(domain))
    assert counted["held-out"] == len(held_out_passages(domain)) > 0
    assert counted.total() == len(domain.passages)


def test_passages_are_exported_whole(folder: Path) -> None:
    domain = knowledge_loader.open_knowledge(str(folder)).domain
    exported = csv_json_html.to_csv(export_rows.passage_rows(domain.passages, topic_coverage.split_of_passages(domain)))
    rows = list(csv.DictReader(io.StringIO(exported, newline="")))
    assert [row["text"] for row in rows] == [passage.text for passage in domain.passages]
    assert {row["side"] for row in rows} <= set(topic_coverage.SIDES)


def test_what_the_teacher_used_is_its_newest_total(paid_store: tuple[Store, str]) -> None:
    store, run = paid_store
    assert queries.teacher_usage(store, [run, "no run"]) == {run: queries.TeacherUsage(30, 41_000, 0.0123)}
    assert queries.teacher_usage(store, []) == {}


def test_an_unknown_price_is_said_and_not_zero(tmp_path: Path, opened: Opened) -> None:
    store = stores.store_at(tmp_path)
    run = stores.paid(store, stores.long_ago(1), cost_usd=None)
    assert queries.teacher_usage(store, [run])[run].cost_usd is None
    store.close()
    assert "no price known" in words_of(opened(tmp_path, run=run))
    assert list(opened(tmp_path, "history").dataframe[0].value["teacher cost"]) == ["no price known"]


def test_money_is_written_for_people() -> None:
    assert [labels.money(usd) for usd in (None, 0, 0.0123, 1.5)] == ["no price known", "0.00 USD", "0.0123 USD",
                                                                     "1.50 USD"]


def test_a_runs_knowledge_has_a_name() -> None:
    assert labels.knowledge(RunConfig()) == "Kubernetes v1.28"
    assert labels.knowledge(RunConfig(knowledge="/srv/plant")) == "plant"
    assert labels.knowledge(RunConfig(knowledge="/srv/plant", knowledge_name="Our plant")) == "Our plant"
    assert (labels.topics_trained(RunConfig()), labels.topics_trained(RunConfig(topics=()))) == ("20", "all")


# --- four tiers -------------------------------------------------------------------------------------------

def test_every_tier_can_be_chosen_by_its_name(state_folders: Folders, opened: Opened) -> None:
    data, run = state_folders["paid"]
    tiers = ["Held-out questions (facts never taught)", "Taught facts (asked in other words)",
             "Unseen topics (never trained on)", "Training questions (trained on)"]
    assert opened(data, "overview", run=str(run)).selectbox(key="tier").options == tiers
    answers = opened(data, "answers", run=str(run), tier="new-topic")
    assert answers.selectbox(key="tier").options == ["All questions", *tiers]
    assert set(answers.dataframe[0].value["tier"]) == {"Unseen topics"}


def test_rejected_questions_are_told_with_their_reasons(state_folders: Folders, opened: Opened) -> None:
    data, run = state_folders["paid"]
    app = opened(data, "live", run=str(run))
    lines = [line for table in app.dataframe for line in table.value.get("what", ())]
    rejected = next(line for line in lines if "rejected" in line)
    assert rejected.startswith("3 questions by gpt-4o-mini rejected: has 1 words, not 4 to 40 (2); ")
