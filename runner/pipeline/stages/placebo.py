"""The control adapter (placebo): trained exactly like the cycle's own, but on references of other questions.

It can learn style and length, but never sees a correct answer. Reads nothing that is held out.
"""

from __future__ import annotations

import dataclasses
import random
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from knowledge.study import StudyItem, shuffled_within
from runner.pipeline.stage_context import StageContext
from runner.pipeline.stages.added_passages import domain_of_questions
from runner.pipeline.stages.training_setup import (
    prepared_items, prepared_steps, step_reporter, training_config, training_examples, training_pairs,
)
from store.events import AdapterMissing, Event, PlaceboTrained, ShuffledRecord


class NothingToShuffle(Exception):
    """Too many references are equal: some question would keep its own."""


def placebo_fine_tune(context: StageContext) -> Sequence[Event]:
    """Train on shuffled references, starting from the last control adapter if the run is configured to `continue`."""
    own = prepared_items(context)
    try:
        others = _shuffled(context, own)
    except NothingToShuffle as error:
        return [AdapterMissing(str(error), failed=False)]
    start = last_placebo(context) if context.config.adapter == "continue" else None
    folder = context.folder / "placebo-adapter"
    training = context.resources.student.fine_tune(
        training_examples(context, others), training_config(context, prepared_steps(context)),
        context.run_folder / start if start else None, folder, step_reporter(context, "placebo_"))
    return [PlaceboTrained(
        adapter=str(folder.relative_to(context.run_folder)), sha256=training.adapter_sha256, continued_from=start,
        steps=training.steps, seconds=training.seconds, tokens=training.tokens, first_loss=training.first_loss,
        last_loss=training.last_loss, examples=_records(context, own, others))]


def _shuffled(context: StageContext, own: Sequence[StudyItem]) -> list[StudyItem]:
    """Return the items, each with another passage's answer: with study items, one of the same topic and form.

    Raises:
        NothingToShuffle: too few facts, or too many equal references.
    """
    seed = context.config.seed + context.cycle
    if context.config.study == "off":
        order = derangement(_group_keys(own), f"placebo {context.config.seed} {context.cycle}")
        return [dataclasses.replace(item, answer=own[index].answer) for item, index in zip(own, order, strict=True)]
    try:
        domain = domain_of_questions(context)
        passages = [domain.passage(id) for id in dict.fromkeys(item.passage_id for item in own)]
        return list(shuffled_within(own, passages, seed))
    except ValueError as error:
        raise NothingToShuffle(str(error)) from error


def _records(context: StageContext, own: Sequence[StudyItem], others: Sequence[StudyItem],
             ) -> tuple[ShuffledRecord, ...]:
    """Return whose reference each training question, or with study items each passage, was paired with."""
    names = [item.passage_id for item in own]
    if context.config.study == "off":
        names = [pair.question_id for pair in training_pairs(context)]
    whole = [at for at, item in enumerate(own) if item.wording == "as asked" and item.complete]
    owner = {own[at].answer: names[at] for at in whole}
    pairs = {names[at]: owner.get(others[at].answer, "") for at in whole}
    return tuple(ShuffledRecord(name, other) for name, other in pairs.items())


def _group_keys(own: Sequence[StudyItem]) -> list[str]:
    """Return a group key per item: items with the same passage or the same answer must not swap references."""
    owner: dict[str, str] = {}
    return [owner.setdefault(item.answer, item.passage_id) for item in own]


def derangement(keys: Sequence[str], seed: str) -> list[int]:
    """Return a random permutation of the indices that maps none to an index with the same key.

    Indices are sorted by group, groups and members in random order, and shifted by the size of the largest group.

    Raises:
        NothingToShuffle: one key has more than half of the indices.
    """
    rng = random.Random(seed)
    groups = Counter(keys)
    step = max(groups.values(), default=0)
    if not keys or step * 2 > len(keys):
        raise NothingToShuffle(f"{len(keys)} references cannot be shuffled so that no question keeps its own")
    group_rank = {key: rng.random() for key in sorted(groups)}
    order = sorted(range(len(keys)), key=lambda index: (group_rank[keys[index]], keys[index], rng.random()))
    shifted = {index: order[(position + step) % len(order)] for position, index in enumerate(order)}
    return [shifted[index] for index in range(len(keys))]


def placebo_path(context: StageContext, name: str) -> tuple[Path | None, str | None]:
    """Return a cycle's control adapter, or the reason why there is none."""
    artifact = context.inputs[name]
    trained = artifact.first(PlaceboTrained)
    return (context.run_folder / trained.adapter, None) if trained else (None, artifact.only(AdapterMissing).reason)


def last_placebo(context: StageContext) -> str | None:
    """Return the control adapter of the latest earlier cycle that has one, relative to the run's folder."""
    cycles = {int(name.partition("@")[2]): artifact for name, artifact in context.inputs.items()
              if name.startswith("placebo-fine-tune@")}
    trained = [found for cycle in sorted(cycles) if (found := cycles[cycle].first(PlaceboTrained))]
    return trained[-1].adapter if trained else None
