"""Study items with passages before the question, and the verdict on reading, in a whole run with fake models."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import fakes
import pytest

from knowledge.near_duplicate_questions import NearDuplicateIndex
from knowledge.questions import HELD_OUT, PARAPHRASE
from knowledge.split import held_out_passages, practice_passages
from knowledge.study import StudyItem, shares_of
from runner.pipeline.reading_items import (
    FEWEST_READ, NOT_IN_NOTES, WITH, WITHOUT, passages_to_read, quoted, reading_items,
)
from runner.pipeline.stages.context_prompts import PASSAGES, PASSAGES_BETWEEN, ContextStyle, passage_item
from runner.pipeline.study_set import read_items
from runner.pipeline.worker import execute_claimed_run
from store import commands, queries
from store.analysis.reading_verdict import reading_change, reading_sentence
from store.control_arms import BASELINE, CONTEXT_ITEMS, RETRIEVAL, TUNED, TUNED_RETRIEVAL
from store.database import Store, open_store
from store.event_log import leases
from store.event_log.journal import read_events
from store.events import AnswersGiven, PlaceboTrained, PromptsPrepared, QuestionsAsked, StudySetPrepared
from store.paths import Paths
from store.report.evidence import gather
from store.report.html_page import as_html
from store.run_config import InvalidConfig
from store.presets import preset

ARMS = (RETRIEVAL, TUNED_RETRIEVAL)
COUNT = 40


def of_a_passage(fits: Any = lambda item: True,
                 style: ContextStyle = PASSAGES_BETWEEN) -> tuple[Any, list[StudyItem], int]:
    trainable = practice_passages(fakes.small_domain())
    passage = next(one for one in trainable if len(one.questions) > 1)
    return passage, *reading_items(passage, COUNT, trainable, 1, style, fits)


def test_items_show_the_right_passage_among_others_that_differ_or_say_that_it_is_absent() -> None:
    passage, items, shortened = of_a_passage()
    own = passage_item(passage).text
    assert len(items) == COUNT and not shortened
    absent = [item for item in items if item.wording == WITHOUT]
    assert 0 < len(absent) < COUNT // 5
    assert all(item.answer == NOT_IN_NOTES and own not in item.prompt for item in absent)
    present = [item for item in items if item.wording == WITH]
    assert all(own in item.prompt and item.answer == quoted(passage) for item in present)
    held_out = [passage_item(one).text for one in held_out_passages(fakes.small_domain())]
    trainable = {passage_item(one).text for one in practice_passages(fakes.small_domain())}
    shown = [[text for text in trainable if text in item.prompt] for item in items]
    assert {len(texts) for texts in shown} == {CONTEXT_ITEMS}
    assert not [text for text in held_out for item in items if text in item.prompt]
    assert len({tuple(sorted(texts)) for texts in shown}) > COUNT // 2  # not the same distractors again and again
    assert len({item.prompt.index(own) > item.prompt.index("Notes:") + 10 for item in present}) == 2  # not always first


@pytest.mark.parametrize(("style", "times"), [(PASSAGES, 1), (PASSAGES_BETWEEN, 2)])
def test_the_prompt_is_the_retrieval_arms_own(style: ContextStyle, times: int) -> None:
    passage, items, _ = of_a_passage(style=style)
    item = next(item for item in items if item.wording == WITH)
    (asked,) = {question for question in passage.questions if question in item.prompt}
    assert item.prompt.startswith(style.before.replace("{question}", asked))
    assert item.prompt.endswith(style.after.replace("{question}", asked)) and item.prompt.count(asked) == times
    assert all(term.casefold() in item.answer.casefold() for term in passage.key_terms)


def test_passages_that_are_not_taught_are_read_where_there_are_enough() -> None:
    trainable = practice_passages(fakes.small_domain())
    taught = {passage.id for passage in trainable[:3]}
    read = passages_to_read(trainable, taught, 1)
    assert len(read) == len(trainable) - 3 >= FEWEST_READ and not taught & {passage.id for passage in read}
    assert read == passages_to_read(trainable, taught, 1) != passages_to_read(trainable, taught, 2)
    all_but_two = {passage.id for passage in trainable[2:]}
    assert {passage.id for passage in passages_to_read(trainable, all_but_two, 1)} == {one.id for one in trainable}


def test_an_item_that_is_too_long_shows_fewer_passages_and_is_counted() -> None:
    whole = max(len(item.prompt) for item in of_a_passage()[1])
    _, items, shortened = of_a_passage(lambda item: len(item.prompt) < whole * 0.7)
    assert shortened and len(items) == COUNT
    passage, items, shortened = of_a_passage(lambda item: False)
    assert shortened == COUNT
    assert all(passage_item(passage).text in item.prompt for item in items if item.wording == WITH)


@pytest.mark.parametrize("study", ["rules", "teacher", "both"])
def test_the_streams_are_mixed_in_the_stated_shares(study: str) -> None:
    assert "reading" not in shares_of(study, 0.1)
    mixed = shares_of(study, 0.2, 0.3)
    assert mixed["reading"] == 0.3 and sum(mixed.values()) == pytest.approx(1)
    assert mixed["document"] == pytest.approx(0.2 * 0.7)


@pytest.mark.parametrize(("changes", "reason"), [
    ({"reading_share": 0.3}, "without the control arms 'retrieval' and 'tuned"),
    ({"reading_share": 0.3, "study": "off", "arms": ARMS}, "'off', which has no study items"),
    ({"reading_share": 1.5, "arms": ARMS}, "is out of range: use 0 to 1")])
def test_a_share_that_cannot_work_is_refused_in_one_sentence(changes: dict[str, Any], reason: str) -> None:
    with pytest.raises(InvalidConfig, match=reason):
        preset("embedded", **changes)


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Store, queries.Run]:
    folder = tmp_path_factory.mktemp("reading")
    store = open_store(f"sqlite:///{folder / 'events.db'}")
    config = preset("embedded", topics=("pods", "services", "jobs"), questions=6, held_out=8, passes=20.0,
                    reading_share=0.4, arms=(*ARMS, "placebo"))
    run = commands.launch_run(store, config, "test")
    claim = leases.claim_next(store, leases.owner_name())
    assert claim and execute_claimed_run(claim, Paths(folder, store.url), fakes.fake_resources) == 0
    found = queries.find_run(store, run)
    assert found and found.work == "finished", found and found.trace
    return folder, store, found


def recorded(store: Store, run: queries.Run, kind: type[Any]) -> list[Any]:
    return [item.event for item in read_events(store, run.id) if isinstance(item.event, kind)]


def test_the_closed_book_stream_carries_no_passage(ran: tuple[Path, Store, queries.Run]) -> None:
    folder, store, run = ran
    (prepared,) = recorded(store, run, StudySetPrepared)
    items = read_items(folder / "runs" / run.id / prepared.file)
    texts = [" ".join(passage.text.split()) for passage in fakes.small_domain().passages]
    closed = [item for item in items if item.form != "reading"]
    assert closed and not [item for item in closed if "\n\nNotes:\n\n" in item.prompt]
    assert not [item for item in closed for text in texts if text in item.prompt]
    locked = NearDuplicateIndex(record.text for record in recorded(store, run, QuestionsAsked)[0].questions)
    reading = [item for item in items if item.form == "reading"]
    assert not [item for item in reading if locked.find(item.prompt.rpartition("notes: ")[2])]
    assert not {item.passage_id for item in reading} & {fact.passage_id for fact in prepared.facts}, "read, not taught"
    shown = {form.form: form.presentations for form in prepared.forms}
    assert shown["reading"] / sum(shown.values()) == pytest.approx(0.4, abs=0.05)
    taught = json.loads((folder / "runs" / run.id / "cycle-01" / "adapter" / "adapter_config.json").read_text())
    assert {item.prompt for item in reading} & set(taught)
    (placebo,) = recorded(store, run, PlaceboTrained)
    assert all(row.question_id != row.answer_of for row in placebo.examples)


def test_only_the_arms_that_read_answer_about_facts_never_taught_too(ran: tuple[Path, Store, queries.Run]) -> None:
    _, store, run = ran
    tier = {record.question_id: record.tier for record in recorded(store, run, QuestionsAsked)[0].questions}
    answered = {event.arm: {tier[answer.question_id] for answer in event.answers}
                for event in recorded(store, run, AnswersGiven) if event.arm in (*ARMS, "placebo")}
    assert answered == {RETRIEVAL: {HELD_OUT, PARAPHRASE}, TUNED_RETRIEVAL: {HELD_OUT, PARAPHRASE},
                        "placebo": {PARAPHRASE}}
    prompts = {event.arm: event.prompts for event in recorded(store, run, PromptsPrepared)}
    assert [p.text for p in prompts[RETRIEVAL]] == [p.text for p in prompts[TUNED_RETRIEVAL]]


def test_reading_has_a_verdict_of_its_own_on_facts_never_taught(ran: tuple[Path, Store, queries.Run]) -> None:
    _, store, run = ran
    changes = queries.arm_changes_of(store, run.id)
    row = reading_change(changes, run.config.headline)
    assert row and (row.asked, row.scored) == (8, 8)
    others = {(one.arm, one.against): one.asked for one in changes if one.metric == run.config.headline}
    assert others[TUNED_RETRIEVAL, BASELINE] == others[TUNED, RETRIEVAL] == 6
    sentence = reading_sentence(changes, run.config)
    assert "with retrieved passages before questions on facts never taught" in sentence and "n = 8" in sentence
    evidence = gather(store, run.id)
    assert evidence and sentence in as_html(evidence).replace("&#43;", "+")


def test_a_run_without_the_arms_has_no_verdict_on_reading() -> None:
    assert reading_sentence([], preset("embedded")) == ""
