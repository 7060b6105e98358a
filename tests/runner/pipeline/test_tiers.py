"""Paraphrases, unseen topics and shared test sets in complete runs with fake models."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import fakes
import pytest

from knowledge.distractors import FOREIGN
from knowledge.domain import kubernetes
from knowledge.questions import GENERAL, HELD_OUT, PARAPHRASE, PRACTICE
from knowledge.split import HELD_OUT_SIDE, side_of
from runner.pipeline.held_out_sets import path_of
from runner.pipeline.worker import execute_claimed_run
from store import commands, queries
from store.database import Store
from store.event_log import leases
from store.event_log.journal import read_events
from store.events import QuestionsAsked, ReferencesWritten
from store.metrics import ANSWER_METRICS, LIKELIHOOD_METRICS
from store.paths import Paths
from store.run_config import InvalidConfig
from tests.plain_runs import plain_run


def carry_out(store: Store, data: Path, **changes: Any) -> queries.Run:
    settings: dict[str, Any] = {"topics": ("pods", "services"), "questions": 6, "held_out": 6, "steps": 2} | changes
    run = commands.launch_run(store, plain_run(**settings), "test")
    claim = leases.claim_next(store, leases.owner_name())
    assert claim and execute_claimed_run(claim, Paths(data, store.url), fakes.fake_resources) == 0
    found = queries.find_run(store, run)
    assert found
    return found


def test_every_question_of_every_tier_has_both_answers_and_a_change(store: Store, tmp_path: Path) -> None:
    run = carry_out(store, tmp_path, paraphrases=6, new_topics=("jobs",), new_topic_questions=6)
    pairs = queries.answers_of(store, run.id, 1)
    assert {pair.tier for pair in pairs} == {"practice", "paraphrase", "held-out", "new-topic"}
    assert all(pair.baseline and pair.tuned for pair in pairs)
    changes = {(row.tier, row.metric): row for row in queries.changes_of(store, run.id) if not row.topic}
    # Six metrics of answers and likelihoods, choice without the altered copy, and three of the headline test alone.
    assert len(changes) == 4 * 7 + 3 and all(row.scored == row.asked == 6 for row in changes.values())


def test_paraphrases_are_practised_facts_in_words_that_are_never_trained_on(store: Store, tmp_path: Path) -> None:
    run = carry_out(store, tmp_path, paraphrases=6)
    pairs = queries.answers_of(store, run.id, 1)
    practised = {pair.passage for pair in pairs if pair.tier == PRACTICE}
    paraphrased = [pair for pair in pairs if pair.tier == PARAPHRASE]
    assert {pair.passage for pair in paraphrased} <= practised
    assert not {pair.text for pair in paraphrased} & {pair.text for pair in pairs if pair.tier == PRACTICE}
    trained = (tmp_path / "runs" / run.id / "cycle-01" / "adapter" / "adapter_config.json").read_text()
    assert not [pair.text for pair in paraphrased if pair.text in trained]  # the fake adapter holds what it was shown


def test_everyday_questions_are_asked_before_and_after_and_never_trained_on(store: Store, tmp_path: Path) -> None:
    without, run = carry_out(store, tmp_path, cycles=2), carry_out(store, tmp_path, cycles=2, general=6)
    for cycle in (1, 2):
        general = [pair for pair in queries.answers_of(store, run.id, cycle) if pair.tier == GENERAL]
        assert len(general) == 6 and all(pair.baseline and pair.tuned and len(pair.foils) == 3 for pair in general)
        trained = (tmp_path / "runs" / run.id / f"cycle-0{cycle}" / "adapter" / "adapter_config.json").read_text()
        assert not [pair.text for pair in general if pair.text in trained]
    changes = [row for row in queries.changes_of(store, run.id, 2) if row.tier == GENERAL and not row.topic]
    assert {row.metric for row in changes} == {*ANSWER_METRICS, *LIKELIHOOD_METRICS}
    assert all(row.scored == 6 for row in changes)
    assert run.held_out_hash == without.held_out_hash  # the test itself is another matter


def test_held_out_passages_never_meet_practice_over_many_cycles(store: Store, tmp_path: Path) -> None:
    run = carry_out(store, tmp_path, cycles=3, questions=10, held_out=12)
    domain = fakes.small_domain()
    by_text = {passage.text: passage.id for passage in domain.passages}
    for cycle in (1, 2, 3):
        for pair in queries.answers_of(store, run.id, cycle):
            assert side_of(by_text[pair.passage]) == ("practice" if pair.tier == PRACTICE else "held-out")


def test_a_named_held_out_set_is_the_same_in_every_run(store: Store, tmp_path: Path) -> None:
    first = carry_out(store, tmp_path, held_out_set="q4", seed=1)
    second = carry_out(store, tmp_path, held_out_set="q4", seed=2)
    assert first.held_out_hash == second.held_out_hash
    assert carry_out(store, tmp_path, seed=2).held_out_hash != first.held_out_hash


def test_an_altered_held_out_set_is_refused(store: Store, tmp_path: Path) -> None:
    carry_out(store, tmp_path, held_out_set="q4")
    path = path_of(tmp_path, "q4")
    path.write_text(path.read_text().replace("Pod", "Cow", 1))
    run = carry_out(store, tmp_path, held_out_set="q4")
    assert run.work == "failed" and "altered" in (run.error or "") and str(path) in (run.error or "")


def test_a_topic_that_the_knowledge_lacks_fails_with_the_nearest_one(store: Store, tmp_path: Path) -> None:
    run = carry_out(store, tmp_path, knowledge=str(tmp_path), topics=("podz",))
    assert run.work == "failed" and "did you mean 'pods'" in (run.error or "")


def test_what_cannot_be_asked_for_together_is_refused() -> None:
    for changes, says in [({"topics": ("pods",), "new_topics": ("pods",), "new_topic_questions": 3}, "never trained"),
                          ({"topics": ("pods",), "new_topics": ("jobs",)}, "go together"),
                          ({"held_out_set": "../x"}, "is no name"), ({"max_cost_usd": 0.0}, "max_cost_usd")]:
        with pytest.raises(InvalidConfig, match=says):
            plain_run(**changes)


def test_references_tell_their_progress_and_are_all_there(store: Store, tmp_path: Path) -> None:
    run = carry_out(store, tmp_path)
    written = [item.event for item in read_events(store, run.id) if isinstance(item.event, ReferencesWritten)]
    assert [len(event.references) for event in written] == [6, 6]
    assert all(reference.text and len(reference.foils) == 3 for event in written for reference in event.references)


def test_distractors_of_a_held_out_fact_were_never_taught_either(store: Store, tmp_path: Path) -> None:
    run = carry_out(store, tmp_path)
    events = [item.event for item in read_events(store, run.id)]
    asked = {one.question_id for event in events if isinstance(event, QuestionsAsked) for one in event.questions
             if one.tier == HELD_OUT}
    records = [record for event in events if isinstance(event, ReferencesWritten) for record in event.references
               if record.question_id in asked]
    side_of_text = {passage.text: side_of(passage.id) for passage in kubernetes().passages}
    foreign = [text for record in records for text, rule in zip(record.foils, record.foil_rules, strict=True)
               if rule == FOREIGN]
    assert len(foreign) == 2 * len(asked) == 12
    assert {side_of_text[text] for text in foreign} == {HELD_OUT_SIDE}
