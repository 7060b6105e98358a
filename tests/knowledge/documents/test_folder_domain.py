"""A folder's domain works like the built-in one: topics, split, questions, near-duplicates and distractors."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest

from knowledge.distractors import FOREIGN, make_distractors
from knowledge.documents import domain_of_folder, read_folder
from knowledge.documents.rewording import reworded
from knowledge.documents.topic_assignment import MAX_TOPICS, slug_of
from knowledge.domain import Domain, domain_of, kubernetes
from knowledge.kubernetes.topics import TOPIC_BY_SLUG
from knowledge.near_duplicate_questions import find_near_duplicate, is_near_duplicate
from knowledge.questions import HELD_OUT, PARAPHRASE, PRACTICE, draw_questions, evidence_of, validation_errors
from knowledge.split import held_out_passages, practice_passages
from runner.teacher.offline_teacher import OfflineTeacher
from tests.knowledge.folder_files import fact, markdown_tree, write
from tests.knowledge.made_up import WORDS, make_passage


@pytest.fixture(scope="module")
def jobs(tmp_path_factory: pytest.TempPathFactory) -> Domain:
    """The domain of a small tree."""
    return domain_of_folder(markdown_tree(tmp_path_factory.mktemp("docs") / "job_manual"))


def questions_of(folder: Path, sentence: str, heading: str = "Retry rules") -> tuple[str, ...]:
    """What is asked about a statement that stands alone under a heading."""
    filler = "It has been so in each of the versions that were ever given to customers of the team."
    write(folder / "page.md", f"# Scheduler\n\n## {heading}\n\n{sentence} {filler}\n")
    return read_folder(folder).passages[0].questions


def test_a_domain_is_named_by_its_folder_and_knows_its_topics(jobs: Domain) -> None:
    assert jobs.name == "Job manual"
    assert jobs.topics == ("getting-started", "queues", "workers")
    assert jobs.topic_names == {"getting-started": "Getting started", "queues": "Queues", "workers": "Workers"}
    assert len(jobs.hash) == 16


def test_the_built_in_topics_keep_their_names() -> None:
    assert kubernetes().topic_names == {slug: topic.name for slug, topic in TOPIC_BY_SLUG.items()}


def test_pages_side_by_side_are_topics_themselves(tmp_path: Path) -> None:
    for word in ("amber", "basalt"):
        facts = "\n\n".join(f"## Part {n}\n\n{fact(word, str(n))}" for n in range(6))
        write(tmp_path / f"{word}.md", f"# The {word}\n\n{facts}\n")
    assert domain_of_folder(tmp_path, "X").topics == ("the-amber", "the-basalt")


def test_a_single_page_is_sorted_by_its_chapters(tmp_path: Path) -> None:
    parts = "\n\n".join(f"## Chapter {word}\n\n{fact(word)}" for word in ("amber", "basalt", "cedar"))
    write(tmp_path / "all.md", f"# All\n\n{parts}\n")
    assert domain_of_folder(tmp_path).topics == ("chapter-amber", "chapter-basalt", "chapter-cedar")


def test_there_are_never_too_many_topics_and_tiny_ones_are_merged(tmp_path: Path) -> None:
    for place in range(60):
        for part in range(1 if place > 50 else 5):
            write(tmp_path / f"folder{place}" / f"{part}.md", f"# P\n\n{fact('box', f'{place} {part}')}\n")
    topics = domain_of_folder(tmp_path).topics
    assert len(topics) == MAX_TOPICS and "other" in topics


@pytest.mark.parametrize(("name", "slug"), [("Getting Started!", "getting-started"), ("Über uns", "uber-uns"),
                                            ("??", "topic"), ("文档", "文档")])
def test_slugs_can_be_typed(name: str, slug: str) -> None:
    assert slug_of(name) == slug


@pytest.mark.parametrize(("sentence", "first", "second"), [
    ("A lease is a promise that a worker keeps for one job.",
     "What is a lease?", "How is a lease best described?"),
    ("Use `drain-all` to move every job away.",
     "What can you use to move every job away?", "What is drain-all used for?"),
    ("The `max.jobs` setting must be smaller than the memory of the host.",
     "What must the max.jobs setting be?", "What must be smaller than the memory of the host?"),
    ("To stop a stuck worker, send it the drain signal twice.",
     "How do you stop a stuck worker?", "What is the way to stop a stuck worker?"),
    ("By default, a worker retries every job three times.",
     "What does a worker do by default?", "What is the default behavior of a worker?"),
    ("When a worker loses its lease, the scheduler gives the job to another one.",
     "What happens when a worker loses its lease?",
     "Which behavior is to be expected when a worker loses its lease?"),
    ("You can rename a queue by calling the rename tool.",
     "How can you rename a queue?", "What is the way to rename a queue?"),
    ("The scheduler returns a ticket with the number of the job and of its owner.",
     "What does the scheduler return?", "What returns a ticket with the number of the job and of its owner?"),
    ("A queue is locked when its disk is full.",
     "When is a queue locked?", "Under which condition is a queue locked?")])
def test_statements_are_asked_for_in_two_ways(tmp_path: Path, sentence: str, first: str, second: str) -> None:
    asked = [question.partition(", ")[2] if question.startswith(("Regarding ", "When it comes")) else question
             for question in questions_of(tmp_path, sentence)]
    assert [question.lower() for question in asked] == [first.lower(), second.lower()]


def test_a_setting_is_named_by_its_heading(tmp_path: Path) -> None:
    asked = questions_of(tmp_path, "If set to false, the scheduler drops the job at once.", heading="keep-jobs")
    assert asked[0] == "Regarding Scheduler, what happens if keep-jobs is set to false?"


def test_a_manual_on_one_page_beside_its_chapters_is_left_out(tmp_path: Path) -> None:
    tree = markdown_tree(tmp_path / "docs")
    write(tree / "all.md", "\n\n".join(path.read_text() for path in sorted(tree.rglob("page*.md"))))
    reading = read_folder(tree)
    assert "puts other pages together" in {entry.path: entry.reason for entry in reading.skipped}["all.md"]


def test_a_denial_is_never_asked_as_its_opposite(tmp_path: Path) -> None:
    asked = questions_of(tmp_path, "The drain command no longer provides the list of jobs that are stuck.")
    assert not any(question.startswith("What provides") for question in asked)


def test_passages_without_a_good_question_stay_and_are_not_asked(tmp_path: Path) -> None:
    for n in range(6):
        write(tmp_path / f"{n}.md", f"# P{n}\n\nDas Lager {n} steht neben dem Hafen und fasst Kisten, die jeden "
                                    f"Morgen von einem Kran mit {n + 3} Haken verladen werden.\n")
    domain = domain_of_folder(tmp_path)
    assert len(domain.passages) == 6 and all(passage.questions == () for passage in domain.passages)
    assert draw_questions(domain, domain.topics, 9, PRACTICE, 1) == [] == draw_questions(domain, domain.topics, 9,
                                                                                         PARAPHRASE, 1)
    mixed = domain_of("mixed", [*domain.passages, *(make_passage("p0", word) for word in ("amber", "cedar", "dune"))])
    assert all(mixed.passage(question.passage_id).questions
               for question in draw_questions(mixed, mixed.topics, 9, PRACTICE, 1))


def test_questions_stand_alone_are_fit_and_lead_to_one_passage(jobs: Domain) -> None:
    texts = [text for passage in jobs.passages for text in passage.questions]
    assert len(texts) > len(jobs.passages)
    assert all(find_near_duplicate(text, texts[:place]) is None for place, text in enumerate(texts))
    for passage in jobs.passages:
        assert not any(is_near_duplicate(*pair) for pair in pairwise(passage.questions))
        assert [found for text in passage.questions for found in validation_errors(text, passage.text, passage)] == []


def test_passages_with_questions_have_one_more_wording_for_the_test(jobs: Domain) -> None:
    asked = [passage for passage in jobs.passages if passage.questions]
    tested = [passage for passage in asked if passage.test_questions]
    assert len(tested) >= 0.9 * len(asked)
    assert [passage for passage in jobs.passages if passage.test_questions and not passage.questions] == []
    texts = [text for passage in jobs.passages for text in passage.questions]
    for passage in tested:
        (text,) = passage.test_questions
        assert find_near_duplicate(text, texts) is None and validation_errors(text, passage.text, passage) == []
        texts.append(text)


@pytest.mark.parametrize(("question", "expected"), [
    ("How do you install a plugin?", "A colleague wants to install a plugin; what do you advise?"),
    ("What happens if the lock is held?", "If the lock is held, what is the outcome?"),
    ("What does the parser return?", "A newcomer wonders what the parser returns; how do you reply?"),
    ("What do the parsers return?", "A newcomer wonders what the parsers return; how do you reply?"),
    ("What does the name resolve to?", "A newcomer wonders what the name resolves to; how do you reply?"),
    ("When is the lock released?", "What has to occur so that the lock is released?"),
    ("What is meant by caching?", "A newcomer comes across caching; how would you explain it?"),
    ("What must the caller do?", "What is required of the caller?"),
    ("Regarding Locks (API), what happens to a waiter?",
     "Speaking of Locks (API), what would a newcomer see being done with a waiter?"),
    ("Whose lock is it anyway?", "")])
def test_a_question_is_reworded_by_its_form_for_the_test(question: str, expected: str) -> None:
    assert reworded(question) == expected


def test_the_offline_teacher_asks_thirty_questions_and_more(jobs: Domain) -> None:
    teacher = OfflineTeacher()
    practised = teacher.ask_questions(jobs, jobs.topics, 30, PRACTICE, 1, [])
    tested = teacher.ask_questions(jobs, jobs.topics, 10, HELD_OUT, 1, practised)
    assert len(practised) == 30 and len(tested) == 10
    assert not {question.passage_id for question in practised} & {question.passage_id for question in tested}
    assert all(teacher.write_reference(jobs, question).text for question in tested)


def test_the_split_holds_and_has_no_near_duplicates(jobs: Domain) -> None:
    assert practice_passages(jobs) and held_out_passages(jobs)
    assert not set(practice_passages(jobs)) & set(held_out_passages(jobs))


def test_distractors_are_of_the_same_topic_and_differ(jobs: Domain) -> None:
    for question in draw_questions(jobs, jobs.topics, 30, HELD_OUT, 1):
        passage = jobs.passage(question.passage_id)
        made = make_distractors(question.text, passage.text, passage, jobs, 3)
        assert [distractor.rule == FOREIGN for distractor in made] == [True, True, False]
        assert len({passage.text, *(distractor.text for distractor in made)}) == 4
        by_text = {other.text: other.topic for other in jobs.passages}
        assert {by_text[distractor.text] for distractor in made[:2]} == {passage.topic}


def test_growing_a_folder_leaves_the_passages_that_were_there(tmp_path: Path) -> None:
    tree = markdown_tree(tmp_path / "docs")
    before = {passage.id for passage in read_folder(tree).passages}
    write(tree / "new" / "page.md", f"# New\n\n{fact('novelty')}\n")
    assert before < {passage.id for passage in read_folder(tree).passages}


def test_a_folder_of_ten_passages_yields_what_it_has_where_fifty_questions_are_asked(tmp_path: Path) -> None:
    for n in range(10):
        write(tmp_path / f"{n}.md", f"# Pump {n}\n\nThe pump {WORDS[n]} moves {n + 3} litres of {WORDS[n + 10]} from "
                                    f"the {WORDS[n + 20]} tank to the {WORDS[n + 30]} tank every morning.\n")
    domain = domain_of_folder(tmp_path)
    assert len(domain.passages) == 10
    for tier, side in ((PRACTICE, practice_passages(domain)), (HELD_OUT, held_out_passages(domain))):
        drawn = draw_questions(domain, domain.topics, 50, tier, 1)
        assert 0 < len(drawn) < 50 and len({question.text for question in drawn}) == len(drawn)
        assert {question.passage_id for question in drawn} <= {passage.id for passage in side}


def test_a_passage_of_one_sentence_is_its_own_evidence(tmp_path: Path) -> None:
    sentence = "The cabinet keeps nine amber lamps and seven oil cans for the long night watch on the quay."
    write(tmp_path / "cabinet.md", f"# Cabinet\n\n{sentence}\n")
    (passage,) = domain_of_folder(tmp_path).passages
    assert passage.text == sentence == evidence_of(passage)
