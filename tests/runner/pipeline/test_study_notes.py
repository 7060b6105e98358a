"""What a study set says that is not as planned: too few passages, key terms, sentences, minutes or tokens."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import fakes

from dashboard.view_models.event_sentences import describe
from knowledge.loader import open_knowledge
from runner.pipeline.study_notes import passage_notes, presentation_notes, question_notes, reading_notes
from runner.pipeline.worker import execute_claimed_run
from store import commands, queries
from store.database import open_store
from store.event_log import leases
from store.event_log.journal import read_events
from store.events import StudySetPrepared
from store.paths import Paths
from store.presets import preset

PASSAGES = [(f"Machine {name}",
             f"If the {name} machine exceeds {number} rpm, its operator stops the belt and signs form {name}-{number}. "
             f"Its filter is changed every {number // 7} hours." if number % 2 else
             f"Use the {name} machine to treat parts at {number} rpm and its filter is changed every "
             f"{number // 7} hours.")
            for number, name in ((310, "press"), (455, "lathe"), (520, "drill"), (634, "kiln"), (741, "pump"),
                                 (812, "mixer"), (925, "saw"), (1033, "crane"))]
PLAIN = [("Order", "People keep the place in order at all times and they are kind to each other there."),
         ("Silence", "Nobody should shout or sing in the hall while others are at work and want to think.")]


def folder_of(tmp_path: Path) -> Path:
    folder = tmp_path / "docs"
    folder.mkdir()
    (folder / "plant.md").write_text("\n\n".join(f"# {title}\n\n{text}" for title, text in (*PASSAGES, *PLAIN)))
    return folder


def prepared_by(tmp_path: Path, speed: float | None = None, **changes: Any) -> StudySetPrepared:
    folder = folder_of(tmp_path)
    store = open_store(f"sqlite:///{tmp_path / 'events.db'}")
    settings: dict[str, Any] = {"topics": (), "knowledge": str(folder), "held_out": 2}
    run = commands.launch_run(store, preset("embedded", **(settings | changes)), "test")
    if speed is not None:
        info = fakes.FakeStudent.info
        (tmp_path / "models").mkdir()
        (tmp_path / "models" / "training-speed.json").write_text(json.dumps(
            {f"{info.weights or info.name} {info.precision} {info.device} {info.threads}": speed}))

    def resources(*args: Any) -> Any:
        return fakes.fake_resources(*args, domain=lambda: open_knowledge(str(folder), "Plant"))
    claim = leases.claim_next(store, leases.owner_name())
    assert claim and execute_claimed_run(claim, Paths(tmp_path, store.url), resources) == 0
    found = queries.find_run(store, run)
    assert found and found.work == "finished", found and found.trace
    (event,) = [item.event for item in read_events(store, run) if isinstance(item.event, StudySetPrepared)]
    log = " ".join(describe(entry) for entry in queries.latest_events(store, run, 1000))
    assert all(note in log for note in event.notes)
    return event


def test_ten_passages_and_fifty_questions_say_how_many_could_be_asked(tmp_path: Path) -> None:
    prepared = prepared_by(tmp_path, questions=50, passes=5.0)
    assert len(prepared.facts) <= len(PASSAGES + PLAIN)
    assert any("of 50 training questions could be asked: the documents hold no more" in note
               for note in prepared.notes), prepared.notes
    assert any("without a key term" in note for note in prepared.notes), prepared.notes
    assert any("of one sentence" in note for note in prepared.notes), prepared.notes


def test_a_minute_on_a_slow_machine_says_that_it_is_too_short(tmp_path: Path) -> None:
    prepared = prepared_by(tmp_path, speed=4.0, questions=4, minutes=1.0, passes=None)
    assert (prepared.steps, prepared.tokens_per_second) == (1, 4.0)
    assert any("presented fewer than 4 times each: too seldom" in note for note in prepared.notes), prepared.notes


def test_each_shortage_is_one_sentence_with_its_count() -> None:
    passages = fakes.small_domain().passages[:3]
    bare = [dataclasses.replace(passage, key_terms=(), text="One sentence.") for passage in passages[:2]]
    without_term, one_sentence = passage_notes([*bare, passages[2]])
    assert without_term.startswith("2 of 3 passages are without a key term")
    assert one_sentence.startswith("2 of 3 passages are of one sentence")
    assert passage_notes(passages[2:]) == [] and question_notes(5, 5) == [] and reading_notes(0, 512, 0, 0) == []
    assert question_notes(3, 50)[0].startswith("3 of 50 training questions")
    fewer, refused, known = reading_notes(4, 512, 2, 3)
    assert fewer == "4 reading items show fewer than 3 passages: more would not fit into 512 tokens"
    assert refused.startswith("2 reading items were left out") and known.startswith("reading is trained on 3 passages")
    never, rarely = presentation_notes({"a": 2, "b": 40}, ["a", "b", "c"])
    assert never.startswith("1 of 3 facts are never presented")
    assert rarely.startswith("1 of 3 facts are presented fewer than 4 times each")
