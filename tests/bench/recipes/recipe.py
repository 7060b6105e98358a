"""A recipe of the lab: which study items are shown how often, and how the student is trained on them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from knowledge.near_duplicate_questions import NearDuplicateIndex
from knowledge.split import practice_passages
from knowledge.study import StudyItem, draw_presentations, shuffled_within, study_items, without_near_duplicates
from knowledge.study.recipe import READING
from runner.pipeline.reading_items import reading_stream
from runner.pipeline.stages.study import tokens_of
from runner.protocols import TrainingConfig, TrainingExample
from store.run_config import DEFAULT_TARGET_MODULES
from tests.bench.recipes.facts import Fact, domain, siblings
from tests.bench.recipes.reading_exam import STYLE


MAX_TOKENS = 512


@dataclass(frozen=True)
class Recipe:
    """One row of the lab's table."""

    shares: Mapping[str, float] = field(default_factory=dict)
    """Form of study items -> share of the presentations; empty: the student stays untrained."""
    presentations: int = 0
    """Presentations a fact, general ones not counted."""
    learning_rate: float = 1e-3
    rank: int = 32
    alpha: int = 64
    dropout: float = 0.0
    batch: int = 8
    general: float = 0.0
    """Share of all presentations that are the untrained student's own answers to everyday questions."""
    placebo: bool = False
    """The same with answers of other facts, within topic and form."""
    one_wording: bool = False
    """Only the first question, as it is asked."""
    cycles: int = 1
    """Cycles: the k-th trains on the first k shares of the facts together, from the adapter of the last one."""
    weighted: bool = False
    """Whether a later cycle presents an earlier fact less often, the better its trained wording is answered."""
    union: bool = True
    """Whether a cycle trains the facts of all cycles so far, or only its own."""
    reading: float = 0.0
    """Share of the presentations with passages before the question."""
    soft: float = 0.0
    """Weight of the KL divergence to what the untrained student predicts with the passage before the question."""
    final: Mapping[str, float] = field(default_factory=dict)
    """Forms and shares of the last tenth of the presentations; empty: as before."""


def examples_of(recipe: Recipe, facts: tuple[Fact, ...], general: tuple[TrainingExample, ...], seed: int,
                weights: Mapping[str, float] | None = None) -> tuple[list[TrainingExample], int]:
    """The training examples in order, and how many study items were refused as near a locked wording.

    Args:
        weights: passage id -> presentations relative to a new fact; 1 where none is given.
    """
    items, refused = _items(facts, seed, reading=recipe.reading > 0)
    if recipe.one_wording:
        asked = {fact.passage.questions[0] for fact in facts}
        items = [item for item in items if item.prompt in asked]
    if recipe.placebo:
        items = list(shuffled_within(items, practice_passages(domain()), seed))
    count = round(recipe.presentations * sum((weights or {}).get(fact.passage.id, 1.0) for fact in facts))
    last = count // 10 if recipe.final else 0
    shares = {form: share * (1 - recipe.reading) for form, share in recipe.shares.items()}
    drawn = draw_presentations(items, shares | {READING: recipe.reading}, count - last, seed, weights)
    drawn += draw_presentations(items, recipe.final, last, seed + 1) if last else []
    examples = [TrainingExample(item.prompt, item.answer, item.complete) for item in drawn]
    return _with_general(examples, general, recipe.general), refused


def contexts_of(facts: tuple[Fact, ...]) -> dict[str, str]:
    """Answer of a study item -> the text under its title, which an untrained student reads before the question."""
    return {item.answer: f"{fact.passage.title}: {fact.reference}" for fact in facts
            for item in study_items(fact.passage, 0, siblings=[one.passage for one in siblings(fact, facts)])}


def training_config(recipe: Recipe, examples: int, seed: int) -> TrainingConfig:
    """One pass over the examples."""
    return TrainingConfig(
        steps=math.ceil(examples / recipe.batch), learning_rate=recipe.learning_rate, batch_size=recipe.batch,
        gradient_accumulation=1, gradient_checkpointing=False, lora_rank=recipe.rank, lora_alpha=recipe.alpha,
        lora_dropout=recipe.dropout, target_modules=DEFAULT_TARGET_MODULES, max_sequence_tokens=MAX_TOKENS, seed=seed,
        in_order=True)


def _items(facts: tuple[Fact, ...], seed: int, reading: bool) -> tuple[list[StudyItem], int]:
    items: list[StudyItem] = []
    for fact in facts:
        others = [one.passage for one in siblings(fact, facts)]
        items += study_items(fact.passage, seed, siblings=others)
    if reading:
        items += reading_stream(practice_passages(domain()), {fact.passage.id for fact in facts}, seed, STYLE,
                                lambda item: tokens_of(item) <= MAX_TOKENS)[0]
    kept, refused = without_near_duplicates(items, NearDuplicateIndex(fact.locked for fact in facts))
    return list(kept), refused


def _with_general(examples: list[TrainingExample], general: tuple[TrainingExample, ...],
                  share: float) -> list[TrainingExample]:
    """The examples with general ones evenly between them, until these are `share` of all."""
    if not share or not general:
        return examples
    every = max(1, round((1 - share) / share))
    mixed: list[TrainingExample] = []
    for number, example in enumerate(examples):
        mixed.append(example)
        if number % every == every - 1:
            mixed.append(general[number // every % len(general)])
    return mixed
