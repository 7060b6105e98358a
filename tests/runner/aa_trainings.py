"""A/A trainings: the same placebo training again and again with other seeds, compared as if they were two methods.

Real training and likelihoods, a student of a few thousand random weights, the built-in domain's questions, references
and distractors. Each training is the placebo's: references of other questions. Nothing but the seed differs, so every
verdict "improved" or "worse" is false.
"""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from knowledge.distractors import make_distractors
from knowledge.questions import HELD_OUT, PRACTICE
from runner.judge.choice_accuracy import choice_accuracy
from runner.pipeline.stages.placebo import derangement
from runner.protocols import TrainingConfig, TrainingExample
from runner.student.local_student import LocalStudent
from runner.teacher.offline_teacher import OfflineTeacher
from store.metrics import METRICS
from store.statistics import difference_between_groups, paired_change, verdict_of
from tests.runner.fakes import small_domain

TEST_QUESTIONS, FACTS, STEPS = 40, 16, 15
CLAIMS = ("improved", "regressed", "worse")
"""Verdicts that claim a difference."""


@dataclasses.dataclass(frozen=True)
class Test:
    """The test's prompts with each reference and its three distractors, and the passage of each question."""

    __test__ = False
    pairs: list[tuple[str, str]]
    passages: list[str]


def a_test() -> Test:
    """Held-out questions of the built-in domain with references and distractors, as in a run."""
    domain, teacher = small_domain(), OfflineTeacher()
    asked = teacher.ask_questions(domain, domain.topics, TEST_QUESTIONS, HELD_OUT, 1, [])
    pairs, passages = [], []
    for question, reference in zip(asked, teacher.write_references(domain, asked), strict=True):
        found = make_distractors(question.text, reference.text or "", domain.passage(question.passage_id), domain, 1,
                                 frozenset())
        if len(found) == 3:
            pairs += [(question.text, text) for text in (reference.text or "", *(one.text for one in found))]
            passages.append(question.passage_id)
    return Test(pairs, passages)


def placebo_examples() -> list[TrainingExample]:
    """Practice questions with the reference of another question each."""
    domain, teacher = small_domain(), OfflineTeacher()
    asked = teacher.ask_questions(domain, domain.topics, FACTS, PRACTICE, 1, [])
    texts = [reference.text or "" for reference in teacher.write_references(domain, asked)]
    order = derangement([question.passage_id for question in asked], "placebo")
    return [TrainingExample(question.text, texts[other]) for question, other in zip(asked, order, strict=True)]


def scores_after_training(student: LocalStudent, examples: Sequence[TrainingExample], test: Test, seed: int,
                          folder: Path) -> dict[str, list[float]]:
    """Train one placebo with this seed; return metric -> score of each test question."""
    recipe = TrainingConfig(steps=STEPS, learning_rate=5e-3, batch_size=4, gradient_accumulation=1,
                            gradient_checkpointing=False, lora_rank=8, lora_alpha=16, lora_dropout=0.05,
                            target_modules=("q_proj", "v_proj", "up_proj", "down_proj"), max_sequence_tokens=192,
                            seed=seed)
    student.fine_tune(examples, recipe, None, folder, lambda step: None)
    found = [one.nll for one in student.likelihoods(test.pairs, folder)]
    groups = [found[start:start + 4] for start in range(0, len(found), 4)]
    return {"reference_nll": [group[0] for group in groups],
            "choice_accuracy": [choice_accuracy(group[0], group[1:]) for group in groups]}


@dataclasses.dataclass(frozen=True)
class Tally:
    """How many A/A comparisons claimed a difference."""

    metric: str
    comparisons: int
    claims: int
    """Over questions and seeds, groups of several seeds."""
    single_comparisons: int
    single_claims: int
    """Of one training with one other, over questions alone."""

    def sentence(self) -> str:
        return (f"{self.metric}: {self.claims} of {self.comparisons} comparisons of two groups claim a difference; of "
                f"single trainings over questions alone, {self.single_claims} of {self.single_comparisons}")


def tally(metric: str, scores: Sequence[Sequence[float]], passages: Sequence[str], seeds_each: int,
          comparisons: int) -> Tally:
    """Compare random disjoint groups of trainings, and disjoint pairs of single ones."""
    rng, better, band = random.Random(metric), METRICS[metric].better, METRICS[metric].tie_band
    claims = 0
    for _ in range(comparisons):
        drawn = rng.sample(range(len(scores)), 2 * seeds_each)
        first, second = ([scores[at] for at in half] for half in (drawn[:seeds_each], drawn[seeds_each:]))
        claims += verdict_of(difference_between_groups(first, second, passages, better, band).pooled, better) in CLAIMS
    singles = [paired_change(scores[at], scores[at + 1], passages, better, band, cross_checks=False)
               for at in range(0, len(scores) - 1, 2)]
    return Tally(metric, comparisons, claims, len(singles), sum(verdict_of(one, better) in CLAIMS for one in singles))


def spread_between_seeds(scores: Sequence[Sequence[float]]) -> float:
    """Return the standard deviation of the trainings' mean scores."""
    return float(np.std([np.mean(one) for one in scores], ddof=1))
