"""The placebo of study items, and the order in which items are shown."""

from __future__ import annotations

from collections import Counter

import pytest

from knowledge.domain import Domain
from knowledge.study import draw_presentations, shuffled_within, study_items
from tests.knowledge.made_up import make_passage


def test_every_item_gets_the_answer_of_another_passage_of_its_topic_and_form(small: Domain) -> None:
    passages = small.passages[:12]
    items = [item for passage in passages for item in study_items(passage, 1)]
    by_id = {passage.id: passage for passage in passages}
    owners = {(item.form, item.answer): item.passage_id for item in items if item.prompt}
    placebo = shuffled_within(items, passages, 3)
    assert [(one.passage_id, one.form, one.prompt) for one in placebo] == \
        [(one.passage_id, one.form, one.prompt) for one in items]
    for item in placebo:
        if item.prompt:
            owner = owners[item.form, item.answer]
            assert owner != item.passage_id and by_id[owner].topic == by_id[item.passage_id].topic
    assert placebo == shuffled_within(items, passages, 3) != shuffled_within(items, passages, 4)


def test_a_document_keeps_its_title_over_another_text(small: Domain) -> None:
    passages = small.passages[:4]
    items = [item for passage in passages for item in study_items(passage, 1, ["document"])]
    titles = {passage.id: passage.title for passage in passages}
    for item, swapped in zip(items, shuffled_within(items, passages, 1), strict=True):
        assert swapped.answer.startswith(titles[item.passage_id]) and swapped.answer != item.answer


def test_a_passage_alone_in_its_topic_swaps_with_one_of_another() -> None:
    passages = [make_passage("a", "amber"), make_passage("a", "basalt"), make_passage("b", "cedar")]
    items = [item for passage in passages for item in study_items(passage, 1, ["title"])]
    own = {item.passage_id: item.answer for item in items}
    assert all(item.answer != own[item.passage_id] for item in shuffled_within(items, passages, 1))


def test_a_single_passage_cannot_be_shuffled(small: Domain) -> None:
    items = study_items(small.passages[0], 1)
    with pytest.raises(ValueError, match="only one passage"):
        shuffled_within(items, small.passages[:1], 1)


def test_presentations_follow_the_shares_and_show_every_passage_equally_often(small: Domain) -> None:
    passages = small.passages[:5]
    items = [item for passage in passages for item in study_items(passage, 1)]
    drawn = draw_presentations(items, {"opening": 3, "question": 1}, 200, 1)
    assert len(drawn) == 200
    assert Counter(item.form for item in drawn) == {"opening": 150, "question": 50}
    assert set(Counter(item.passage_id for item in drawn).values()) == {40}
    questions = Counter(item.prompt for item in drawn if item.form == "question")
    assert max(questions.values()) == 1


def test_weights_show_a_passage_more_often(small: Domain) -> None:
    passages = small.passages[:2]
    items = [item for passage in passages for item in study_items(passage, 1)]
    drawn = draw_presentations(items, {"question": 1}, 40, 1, weights={passages[0].id: 3})
    assert Counter(item.passage_id for item in drawn)[passages[0].id] == 30


def test_the_share_of_a_form_that_a_passage_lacks_goes_to_its_others(small: Domain) -> None:
    items = study_items(small.passages[0], 1, ["question"])
    assert len(draw_presentations(items, {"question": 0.5, "cloze": 0.5}, 10, 1)) == 10
    with pytest.raises(ValueError, match="cloze"):
        draw_presentations(items, {"cloze": 1.0}, 10, 1)
