"""Taught facts and study items in complete runs with fake models: what is trained, tested, and kept apart."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import fakes
import pytest

from knowledge.near_duplicate_questions import NearDuplicateIndex
from knowledge.questions import HELD_OUT, PARAPHRASE, PRACTICE
from runner.pipeline.stage_checkpoints import Artifact, Header, files_intact, read_artifact
from runner.pipeline.stages.study import practice_recall
from runner.pipeline.study_set import read_items
from runner.pipeline.training_plan import KNOWN_WEIGHT, examples_wanted, weight_of
from runner.pipeline.worker import execute_claimed_run
from store import commands, queries
from store.database import Store, open_store
from store.event_log import leases
from store.event_log.journal import read_events
from store.events import (
    AdapterTrained, AnswersScored, Event, PlaceboTrained, QuestionRecord, QuestionsAsked, ReplayAnswered, ScoreRecord,
    StudySetPrepared,
)
from store.paths import Paths
from store.run_config import InvalidConfig
from store.presets import ONE_WORDING, PRESETS, preset

TOPICS = ("pods", "services", "jobs")


def carry_out(folder: Path, **changes: Any) -> tuple[Store, queries.Run]:
    store = open_store(f"sqlite:///{folder / 'events.db'}")
    length = {} if "minutes" in changes else {"passes": 5.0}
    settings: dict[str, Any] = {"topics": TOPICS, "questions": 6, "held_out": 6} | length
    run = commands.launch_run(store, preset("embedded", **(settings | changes)), "test")
    claim = leases.claim_next(store, leases.owner_name())
    assert claim and execute_claimed_run(claim, Paths(folder, store.url), fakes.fake_resources) == 0
    found = queries.find_run(store, run)
    assert found and found.work == "finished", found and found.trace
    return store, found


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Store, queries.Run]:
    folder = tmp_path_factory.mktemp("study")
    store, run = carry_out(folder, cycles=2, arms=("placebo", "few-shot"), general=3)
    return folder, store, run


def recorded(store: Store, run: queries.Run, kind: type[Event]) -> list[Any]:
    return [item.event for item in read_events(store, run.id) if isinstance(item.event, kind)]


def asked(store: Store, run: queries.Run, tier: str) -> list[QuestionRecord]:
    return [record for event in recorded(store, run, QuestionsAsked) for record in event.questions
            if record.tier == tier]


def test_the_test_on_taught_facts_is_fixed_first_and_each_fact_is_taught(ran: tuple[Path, Store, queries.Run]) -> None:
    _, store, run = ran
    first = recorded(store, run, QuestionsAsked)[0].questions
    tested = [record for record in first if record.tier == PARAPHRASE]
    assert len(tested) == 12 == len({record.passage_id for record in tested})
    practised = asked(store, run, PRACTICE)
    assert {record.passage_id for record in tested} == {record.passage_id for record in practised}
    assert not {record.text for record in tested} & {record.text for record in practised}
    assert not {r.passage_id for r in first if r.tier == HELD_OUT} & {r.passage_id for r in practised}


def test_no_study_item_is_a_near_duplicate_of_a_test_question(ran: tuple[Path, Store, queries.Run]) -> None:
    folder, store, run = ran
    locked = NearDuplicateIndex(record.text for record in recorded(store, run, QuestionsAsked)[0].questions)
    for prepared in recorded(store, run, StudySetPrepared):
        items = read_items(folder / "runs" / run.id / prepared.file)
        assert len({item.form for item in items}) >= 8 and len(items) > 20 * len(prepared.facts)
        assert not [item.prompt for item in items if item.prompt and locked.find(item.prompt)]


def test_the_second_cycle_trains_the_facts_of_both(ran: tuple[Path, Store, queries.Run]) -> None:
    _, store, run = ran
    one, two = recorded(store, run, StudySetPrepared)
    assert [fact.cycle for fact in one.facts] == [1] * 6 and [fact.cycle for fact in two.facts] == [1] * 6 + [2] * 6
    assert all(fact.weight == 1 for fact in one.facts) and all(fact.weight == 1 for fact in two.facts[6:])
    assert all(KNOWN_WEIGHT <= fact.weight <= 1 for fact in two.facts[:6])
    assert [trained.steps for trained in recorded(store, run, AdapterTrained)] == [one.steps, two.steps]
    assert all(prepared.examples == prepared.steps * run.config.batch_size for prepared in (one, two))


def test_everyday_answers_are_mixed_in_at_their_share(ran: tuple[Path, Store, queries.Run]) -> None:
    folder, store, run = ran
    (replay,) = recorded(store, run, ReplayAnswered)
    assert len(replay.answers) > 50 and not replay.missing
    for prepared in recorded(store, run, StudySetPrepared):
        assert prepared.replayed == round(prepared.examples * run.config.general_replay) > 0
    shown = json.loads((folder / "runs" / run.id / "cycle-01" / "adapter" / "adapter_config.json").read_text())
    assert set(shown) & {answer.question for answer in replay.answers}  # the fake adapter holds what it was shown


def test_a_fact_is_compared_from_the_cycle_on_that_taught_it(ran: tuple[Path, Store, queries.Run]) -> None:
    _, store, run = ran
    counted = {row.cycle: row.asked for row in queries.changes_of(store, run.id)
               if (row.tier, row.metric, row.topic) == (PARAPHRASE, "choice_accuracy", "")}
    assert counted == {1: 6, 2: 12}
    answered = Counter(pair.tier for pair in queries.answers_of(store, run.id, 1))
    assert answered[PARAPHRASE] == 12  # those of the next cycle are answered too: what is not taught yet


def test_the_verdict_is_about_taught_facts_and_names_the_control(ran: tuple[Path, Store, queries.Run]) -> None:
    _, _, run = ran
    assert run.sentence and "taught facts, asked in wordings never trained" in run.sentence
    assert "Control, on facts never taught:" in run.sentence


def test_the_placebo_learns_the_same_items_with_answers_of_other_facts(ran: tuple[Path, Store, queries.Run]) -> None:
    _, store, run = ran
    for trained, prepared in zip(recorded(store, run, PlaceboTrained), recorded(store, run, StudySetPrepared),
                                 strict=True):
        assert trained.steps == prepared.steps and len(trained.examples) == len(prepared.facts)
        assert all(row.question_id != row.answer_of for row in trained.examples)


def test_altered_study_items_are_noticed(tmp_path: Path) -> None:
    store, run = carry_out(tmp_path)
    (prepared,) = recorded(store, run, StudySetPrepared)
    folder = tmp_path / "runs" / run.id
    artifact, file = read_artifact(folder / "cycle-01" / "study.json"), folder / prepared.file
    assert artifact and files_intact(artifact, folder)
    file.write_bytes(file.read_bytes() + b"{}\n")
    assert not files_intact(artifact, folder)
    file.unlink()
    assert not files_intact(artifact, folder)


def test_weights_come_from_training_questions_and_never_from_the_test() -> None:
    def artifact(*events: Event) -> Artifact:
        return Artifact(Header("r", 1, "s", "", ""), tuple(events), "", 0)

    def question(id: str, tier: str, passage: str) -> QuestionRecord:
        return QuestionRecord(id, tier, "pods", "?", passage, "", "", "", "", ())
    inputs = {
        "questions@1": artifact(QuestionsAsked("t", (question("q1", PRACTICE, "p1"), question("q2", PARAPHRASE, "p1")),
                                               2, "")),
        "tuned-evaluation@1": artifact(AnswersScored("tuned", "j", (
            ScoreRecord("q1", "fact_recall", 0.5), ScoreRecord("q2", "fact_recall", 1.0),
            ScoreRecord("test", "fact_recall", 1.0), ScoreRecord("q1", "rouge_l", 0.9)))),
    }
    assert practice_recall(inputs) == {"p1": 0.5}
    assert weight_of(None) == 1 and weight_of(0.0) == 1 and weight_of(1.0) == KNOWN_WEIGHT


def test_the_first_recipe_is_restored_exactly_and_values_given_win() -> None:
    off = preset("embedded", study="off")
    assert {name: getattr(off, name) for name in ONE_WORDING} == ONE_WORDING and off.steps == 100
    assert preset("embedded", study="off", lora_rank=8).lora_rank == 8
    assert PRESETS["phi-2"].study == "off" and PRESETS["phi-2"].learning_rate == 2e-4
    assert preset("phi-2", study="rules").lora_rank == 64


def test_exactly_one_of_steps_passes_and_minutes_decides() -> None:
    assert preset("embedded", steps=7).passes is None and preset("embedded", minutes=3.0).passes is None
    with pytest.raises(InvalidConfig, match="both set"):
        preset("embedded", passes=3.0, minutes=3.0)
    by_steps = preset("embedded", steps=7, batch_size=4)
    assert examples_wanted(by_steps, [1.0] * 5, 50.0, None) == 28
    by_passes = preset("embedded", passes=10.0, batch_size=4, general_replay=0.5)
    assert examples_wanted(by_passes, [1.0] * 5, 50.0, None) == 100
    by_minutes = preset("embedded", minutes=2.0, batch_size=4)
    assert examples_wanted(by_minutes, [1.0] * 5, 50.0, 100.0) == 240  # 12,000 tokens, 50 each
    with pytest.raises(ValueError, match="speed"):
        examples_wanted(by_minutes, [1.0], 50.0, None)


def test_a_budget_of_minutes_becomes_steps_once_and_the_speed_is_kept(tmp_path: Path) -> None:
    store, run = carry_out(tmp_path, minutes=1.0, cycles=2)
    one, two = recorded(store, run, StudySetPrepared)
    assert one.tokens_per_second and one.steps == one.examples // run.config.batch_size
    kept = json.loads((tmp_path / "models" / "training-speed.json").read_text())
    assert two.tokens_per_second in kept.values() or one.tokens_per_second
