"""The parts of a gain on invented facts, with students whose answers are made by rule: right to 0.05, and no knowledge
where nothing was taught."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence

import pytest

from knowledge.distractors import make_distractors
from knowledge.invented.generator import write_facts
from knowledge.loader import open_knowledge
from knowledge.passages import Passage
from knowledge.split import practice_passages
from runner.pipeline.stages.compare import Scores
from runner.pipeline.stages.teacher_replacement import shares
from store.control_arms import BASELINE, PLACEBO, TUNED
from store.events import GainShareRecord, QuestionRecord
from store.run_config import RunConfig

CONFIG = RunConfig(arms=(PLACEBO,))
Choose = Callable[[QuestionRecord, Sequence[str]], str]
Options = Mapping[str, Sequence[str]]


@pytest.fixture(scope="module")
def facts(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[QuestionRecord], list[QuestionRecord], Options]:
    """Test questions, training questions and the four options of each, true one first, on 300 taught facts or so."""
    folder = tmp_path_factory.mktemp("invented") / "facts"
    write_facts(folder, 480, seed=11)
    domain = open_knowledge(str(folder))
    tested, trained, options = [], [], {}
    for passage in practice_passages(domain):
        for tier, text, into in (("paraphrase", passage.test_questions[0], tested),
                                 ("practice", passage.questions[0], trained)):
            record = _record(f"{tier} {passage.id}", tier, text, passage)
            wrong = make_distractors(text, passage.text, passage, domain, seed=42)
            options[record.question_id] = (passage.text, *(one.text for one in wrong))
            into.append(record)
    return tested, trained, options


def _record(name: str, tier: str, text: str, passage: Passage) -> QuestionRecord:
    return QuestionRecord(name, tier, passage.topic, text, passage.id, passage.title, passage.text, passage.address,
                          passage.text, passage.key_terms)


def guess(student: str) -> Choose:
    """A student that knows nothing: what it picks is decided by its name and the fact, however it is asked."""
    return lambda question, options: random.Random(f"{student} {question.passage_id}").choice(options)


def knows(passages: set[str], otherwise: Choose) -> Choose:
    """A student that picks the true option where it knows the fact, and else does as another."""
    return lambda question, options: options[0] if question.passage_id in passages else otherwise(question, options)


def parts(facts: tuple[list[QuestionRecord], list[QuestionRecord], Options], students: Mapping[str, Choose],
          trained_wording: Choose) -> dict[str, GainShareRecord]:
    """Let the students answer, and split the gain.

    Args:
        facts: test questions, training questions, options.
        students: arm -> how it answers the test.
        trained_wording: how the tuned student answers the training questions.
    """
    tested, trained, options = facts
    scores: Scores = {}
    for asked, arms in ((tested, students), (trained, {BASELINE: students[BASELINE], TUNED: trained_wording})):
        for question in asked:
            given = options[question.question_id]
            for arm, choose in arms.items():
                scores[(arm, question.question_id, "choice_accuracy")] = float(choose(question, given) == given[0])
    return {one.part: one for one in shares(tested, trained, scores, CONFIG)}


@pytest.mark.parametrize(("wording", "knowledge", "memory"), [(0.1, 0.4, 0.2), (0.2, 0.0, 0.3), (0.0, 0.7, 0.0)])
def test_the_parts_are_what_the_rule_put_there(
        facts: tuple[list[QuestionRecord], list[QuestionRecord], Options], wording: float, knowledge: float,
        memory: float) -> None:
    """`wording` and the others are shares of the facts; a fact that would have been guessed adds nothing."""
    passages = [question.passage_id for question in facts[0]]
    random.Random(5).shuffle(passages)
    first, second, third = (round(len(passages) * share) for share in (
        wording, wording + knowledge, wording + knowledge + memory))
    base = guess("untrained")
    found = parts(facts, {BASELINE: base, PLACEBO: knows(set(passages[:first]), base),
                          TUNED: knows(set(passages[:second]), base)}, knows(set(passages[:third]), base))
    new = 0.75  # of four options, the others were not guessed
    truth = {"wording": wording * new, "knowledge": knowledge * new, "memory": memory * new}
    assert {name: one.gain for name, one in found.items()} == {
        name: pytest.approx(part, abs=0.05) for name, part in truth.items()}
    assert {name: one.share for name, one in found.items()} == {
        name: pytest.approx(part / sum(truth.values()), abs=0.05) for name, part in truth.items()}
    assert (found["knowledge"].low or 0) > 0 or knowledge == 0
    assert {(one.facts, one.asked) for one in found.values()} == {(len(passages), len(passages))}


def test_a_student_that_knows_nothing_is_at_chance(
        facts: tuple[list[QuestionRecord], list[QuestionRecord], Options]) -> None:
    tested, _, options = facts
    right = sum(guess("untrained")(one, options[one.question_id]) == options[one.question_id][0] for one in tested)
    assert abs(right / len(tested) - 0.25) < 2.5 * (0.25 * 0.75 / len(tested)) ** 0.5
    assert len(tested) > 250


def test_with_shuffled_references_the_interval_of_knowledge_holds_zero(
        facts: tuple[list[QuestionRecord], list[QuestionRecord], Options]) -> None:
    """Tuned on shuffled references too, it is another placebo: both guess, each in its own way."""
    held = 0
    for draw in range(100):
        few, tuned = random.Random(draw).sample(facts[0], 60), guess(f"tuned {draw}")
        part = parts((few, facts[1], facts[2]), {
            BASELINE: guess("untrained"), PLACEBO: guess(f"placebo {draw}"), TUNED: tuned}, tuned)["knowledge"]
        assert part.low is not None and part.high is not None and part.facts == 60
        held += part.low <= 0 <= part.high
    assert held >= 95, held
