"""The lab's exam on reading: passages before questions on facts that were never taught."""

from __future__ import annotations

import random
from pathlib import Path

from rapidfuzz import fuzz

from knowledge.passages import Passage
from knowledge.questions import HELD_OUT, Question, question_id
from runner.judge.fact_recall import fact_recall
from runner.pipeline.stages.context_prompts import passage_item, passages_style
from runner.protocols import GenerationConfig, Student
from store.control_arms import CONTEXT_ITEMS
from store.run_config import RunConfig
from tests.bench.recipes.facts import Fact, domain

SEED = 1
STYLE = passages_style(RunConfig().question_before_passages)
"""The template of the retrieval arms of a run."""


def reading_scores(student: Student, adapter: Path | None, controls: tuple[Fact, ...],
                   decoding: GenerationConfig) -> dict[str, dict[str, float]]:
    """Key-term recall of answers with the right passage and two of its topic before the question, in random order;
    and whether the answer is most like the right one of them."""
    shown = {fact.passage.id: _shown(fact.passage) for fact in controls}
    questions = {fact.passage.id: _question(fact, shown[fact.passage.id]) for fact in controls}
    answers = {answer.question_id: answer.text or ""
               for batch in student.answer(list(questions.values()), decoding, SEED, adapter) for answer in batch}
    given = {id: answers[question.id] for id, question in questions.items()}
    recalls = {fact.passage.id: fact_recall(given[fact.passage.id], fact.passage.key_terms, fact.reference)
               for fact in controls}
    right = {fact.passage.id: float(_is_about(given[fact.passage.id], fact.passage, shown[fact.passage.id]))
             for fact in controls}
    return {"reading_asked_first": {id: value for id, value in recalls.items() if value is not None},
            "reading_asked_first_right": right}


def _shown(passage: Passage) -> list[Passage]:
    rng = random.Random(f"{SEED} reading {passage.id}")
    others = [one for one in domain().passages if one.topic == passage.topic and one.id != passage.id]
    passages = [passage, *rng.sample(others, CONTEXT_ITEMS - 1)]
    rng.shuffle(passages)
    return passages


def _question(fact: Fact, shown: list[Passage]) -> Question:
    text = STYLE.prompt([passage_item(one).text for one in shown], fact.locked)
    return Question(question_id(text), text, fact.passage.topic, HELD_OUT, fact.passage.id, "", fact.passage.title)


def _is_about(answer: str, right: Passage, shown: list[Passage]) -> bool:
    return bool(answer) and max(shown, key=lambda one: fuzz.partial_ratio(answer, one.text)).id == right.id
