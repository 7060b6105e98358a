"""Study items: made of what a passage holds, free of the exam's alterations and wordings, and counted."""

from __future__ import annotations

import dataclasses
import re
from collections import Counter

import pytest

from knowledge.documents import read_folder
from knowledge.domain import Domain, kubernetes
from knowledge.near_duplicate_questions import NearDuplicateIndex
from knowledge.passages import Passage
from knowledge.perturbations import perturb
from knowledge.study import ALL, FORMS, StudyItem, coverage, study_items, without_near_duplicates
from knowledge.study.item_forms import could_replace
from knowledge.study.items import MOST_SIBLINGS
from knowledge.study.passage_parts import sentences
from tests.knowledge.made_up import make_passage
from tests.knowledge.other_languages import FOLDERS


def notes(topic: str) -> list[Passage]:
    return [passage for passage in kubernetes().of_topic(topic) if passage.source == "notes"]


@pytest.fixture(scope="module")
def of_topics() -> list[tuple[Passage, tuple[StudyItem, ...]]]:
    """Notes of two topics and some of the API reference, with their items."""
    found = []
    for topic in ("pods", "autoscaling"):
        near = [*notes(topic), *[one for one in kubernetes().of_topic(topic) if one.source == "api"][:15]]
        found += [(passage, study_items(passage, 1, siblings=near)) for passage in near]
    return found


def test_the_same_arguments_give_the_same_items(small: Domain) -> None:
    passage, siblings = small.passages[0], small.of_topic(small.passages[0].topic)
    assert study_items(passage, 7, siblings=siblings) == study_items(passage, 7, siblings=siblings)
    assert study_items(passage, 7, siblings=siblings) != study_items(passage, 8, siblings=siblings)


def test_one_form_does_not_depend_on_which_others_are_made(small: Domain) -> None:
    every = study_items(small.passages[0], 7)
    for name in ALL:
        assert study_items(small.passages[0], 7, [name]) == tuple(item for item in every if item.form == name)


def test_an_unknown_form_is_refused_by_name(small: Domain) -> None:
    with pytest.raises(ValueError, match="'rhyme'"):
        study_items(small.passages[0], 7, ["rhyme"])


def test_every_note_has_items_of_every_form_and_at_least_eight_wordings_of_its_question() -> None:
    near = notes("pods")
    for passage in near:
        items = study_items(passage, 1, siblings=near)
        assert {item.form for item in items} >= set(ALL) - {"sentence order", "term choice"}
        asked = {item.prompt for item in items if item.form == "question"}
        assert len(asked) >= 8 and len({item.wording for item in items if item.form == "question"}) >= 8


def test_items_teach_the_reference_where_there_is_one(small: Domain) -> None:
    passage = small.passages[0]
    items = study_items(passage, 1, ["question", "opening"], reference="The teacher's own words,  quite\nlong ones, "
                        "that say where the amber thing is kept and what opens it.")
    full = {item.answer for item in items if item.form == "question"}
    assert full == {"The teacher's own words, quite long ones, that say where the amber thing is kept and what opens "
                    "it."}
    for item in items:
        if item.form == "opening":
            assert not item.complete and next(iter(full)).startswith(f"{item.answer} ")


def test_sentences_of_other_languages_are_told_apart() -> None:
    assert len(sentences("缓存服务默认保存数据三十天。超过期限后自动删除。")) == 2
    assert len(sentences("Кэш хранит данные 30 дней. Затем они удаляются.")) == 2
    assert len(sentences("Der Cache hält 30 Tage. Überfälliges wird gelöscht.")) == 2
    assert sentences("One e.g. two. Then `three`.") == ("One e.g. two.", "Then `three`.")


def test_a_passage_of_one_sentence_without_key_terms_has_the_items_that_it_can_have() -> None:
    bare = dataclasses.replace(make_passage("a", "amber", text="The amber is kept by the dune."), key_terms=())
    forms = {item.form for item in study_items(bare, 1)}
    assert {"question", "title", "document"} <= forms
    assert not forms & {"cloze", "short answer", "term choice", "sentence order", "true or false"}


def test_no_item_contains_a_sentence_of_an_altered_copy(
        of_topics: list[tuple[Passage, tuple[StudyItem, ...]]]) -> None:
    for passage, items in of_topics:
        text = "\n".join(f"{item.prompt}\n{item.answer}" for item in items)
        own = set(sentences(passage.text))
        altered = {sentence for seed in range(20) for sentence in sentences(perturb(passage.text, seed)[0])} - own
        assert altered and not [sentence for sentence in altered if sentence in text]


def test_terms_to_choose_among_are_none_that_the_exam_exchanges() -> None:
    assert could_replace("15 seconds", "10 minutes") and could_replace("Always", "Never")
    assert could_replace("true", "kubelet") and could_replace("minimum", "the maximum")
    assert not could_replace("mirror Pod", "localhost")


def test_near_duplicates_of_locked_wordings_are_refused_and_counted() -> None:
    locked = "Under which restart policy does a crashing init container doom its Pod, and how does it act under Always?"
    passage = dataclasses.replace(notes("pods")[0], questions=(
        "What happens to a Pod when one of its init containers fails?",
        "Under which restart policy do crashing init containers doom their Pods, and how does it act under Always?"))
    items = study_items(passage, 1)
    twins = {item for item in items if "doom" in item.prompt and item.wording in ("as asked", "framed", "titled")}
    kept, refused = without_near_duplicates(items, NearDuplicateIndex([locked]))
    assert twins and not twins & set(kept)
    assert refused == len(items) - len(kept) < len(items) / 2
    assert without_near_duplicates(items, NearDuplicateIndex(["How many moons has Mars?"])) == (items, 0)


def test_noised_questions_are_other_words_each_time_with_the_whole_answer() -> None:
    near = notes("pods")
    for passage in near[:5]:
        items = study_items(passage, 1, ["noised question"], siblings=near)
        prompts = [item.prompt for item in items]
        assert len(items) > 20 and len(set(prompts)) == len(prompts) and not set(prompts) & set(passage.questions)
        ours = {word for question in passage.questions for word in question.split()}
        theirs = {word for one in near for question in one.questions for word in question.split()}
        found = [word for prompt in prompts for word in prompt.split()]
        assert set(found) <= theirs and 0.75 < sum(word in ours for word in found) / len(found) < 1
        assert {item.answer for item in items} == {" ".join(passage.text.split())}
        assert {item.wording for item in items} == {"words left out", "words of two questions"}


def test_a_passage_of_one_question_is_noised_by_leaving_words_out_alone() -> None:
    asked = "Where does amber keep what it owns at night?"
    passage = dataclasses.replace(make_passage("a", "amber"), questions=(asked,))
    items = study_items(passage, 1, ["noised question"])
    assert items and {item.wording for item in items} == {"words left out"}
    assert all(set(item.prompt.split()) <= set(asked.split()) for item in items)


def test_coverage_counts_the_items_of_each_key_term() -> None:
    passage = notes("pods")[0]
    items = study_items(passage, 1)
    counts = coverage(items, passage)
    assert set(counts) == set(passage.key_terms) and min(counts.values()) >= 20
    assert coverage([], passage) == dict.fromkeys(passage.key_terms, 0)
    absent = dataclasses.replace(passage, key_terms=("no such term",))
    assert coverage(items, absent) == {"no such term": 0}


def test_no_key_term_is_put_into_the_wordings_made_of_words() -> None:
    for passage in notes("pods"):
        asked = " ".join(passage.questions).casefold() + passage.title.casefold()
        for item in study_items(passage, 1, ["opening"]):
            added = [term for term in passage.key_terms
                     if term.casefold() in item.prompt.casefold() and term.casefold() not in asked]
            assert not added, (passage.title, item.prompt)


def test_every_form_makes_no_more_items_than_its_table_says() -> None:
    counts = Counter(item.form for item in study_items(notes("pods")[0], 1, siblings=notes("pods")))
    assert all(counts[name] <= FORMS[name].count for name in FORMS)


def test_the_work_for_a_passage_does_not_grow_with_a_large_topic() -> None:
    topic = [make_passage("amber", f"word{number}") for number in range(3 * MOST_SIBLINGS)]
    items = study_items(topic[0], 1, siblings=topic)
    assert items == study_items(topic[0], 1, siblings=topic)
    few = study_items(topic[0], 1, siblings=topic[:MOST_SIBLINGS])
    assert {item.form for item in items} == {item.form for item in few}


@pytest.mark.parametrize(("language", "question"), [("de", "Wie lange lebt eine Biene im Sommer?"),
                                                    ("ja", "茶の木はどのような土を好むか。")])
def test_items_of_a_passage_in_another_language_hold_no_english(language: str, question: str) -> None:
    passages = read_folder(FOLDERS / language).passages
    english = re.compile(r"\b(?:the|and|what|which|is|true|false|restore|explain)\b", re.I)
    for passage in passages[:6]:
        items = study_items(dataclasses.replace(passage, questions=(question,)), 1, siblings=passages[:6])
        assert {item.form for item in items} >= {"question", "title", "document", "masked"}
        assert not [item for item in items if english.search(f"{item.prompt} {item.answer}")]
