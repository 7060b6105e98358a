"""A recipe of the lab: which study items are shown how often, and how the student is trained on them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from knowledge.study import StudyItem, draw_presentations, shuffled_within, study_items, without_near_duplicates
from runner.protocols import TrainingConfig, TrainingExample
from store.run_config import DEFAULT_TARGET_MODULES
from tests.bench.recipes.facts import Fact, siblings


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
    final: Mapping[str, float] = field(default_factory=dict)
    """Forms and shares of the last tenth of the presentations; empty: as before."""


def examples_of(recipe: Recipe, facts: tuple[Fact, ...], general: tuple[TrainingExample, ...],
                seed: int) -> tuple[list[TrainingExample], int]:
    """The training examples in order, and how many study items were refused as near a locked wording."""
    items, refused = _items(facts, seed)
    if recipe.one_wording:
        asked = {fact.passage.questions[0] for fact in facts}
        items = [item for item in items if item.prompt in asked]
    if recipe.placebo:
        items = list(shuffled_within(items, [fact.passage for fact in facts], seed))
    count = recipe.presentations * len(facts)
    last = count // 10 if recipe.final else 0
    drawn = draw_presentations(items, recipe.shares, count - last, seed)
    drawn += draw_presentations(items, recipe.final, last, seed + 1) if last else []
    examples = [TrainingExample(item.prompt, item.answer, item.complete) for item in drawn]
    return _with_general(examples, general, recipe.general), refused


def training_config(recipe: Recipe, examples: int, seed: int) -> TrainingConfig:
    """One pass over the examples."""
    return TrainingConfig(
        steps=math.ceil(examples / recipe.batch), learning_rate=recipe.learning_rate, batch_size=recipe.batch,
        gradient_accumulation=1, gradient_checkpointing=False, lora_rank=recipe.rank, lora_alpha=recipe.alpha,
        lora_dropout=recipe.dropout, target_modules=DEFAULT_TARGET_MODULES, max_sequence_tokens=512, seed=seed,
        in_order=True)


def _items(facts: tuple[Fact, ...], seed: int) -> tuple[list[StudyItem], int]:
    items: list[StudyItem] = []
    for fact in facts:
        others = [one.passage for one in siblings(fact, facts)]
        items += study_items(fact.passage, seed, siblings=others)
    kept, refused = without_near_duplicates(items, [fact.locked for fact in facts])
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
