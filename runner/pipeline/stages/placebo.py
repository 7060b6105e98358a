"""The control adapter (placebo): trained exactly like the cycle's own, but on references of other questions.

It can learn style and length, but never sees a correct answer. Reads nothing that is held out.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from runner.pipeline.stage_context import StageContext
from runner.pipeline.stages.fine_tune import TrainingPair, step_reporter, training_config, training_pairs
from runner.protocols import TrainingExample
from store.events import AdapterMissing, Event, PlaceboTrained, ShuffledRecord


class NothingToShuffle(Exception):
    """Too many references are equal: some question would keep its own."""


def placebo_fine_tune(context: StageContext) -> Sequence[Event]:
    """Train on shuffled references, starting from the last control adapter if the run is configured to `continue`."""
    own = training_pairs(context)
    try:
        order = derangement(_group_keys(own), f"placebo {context.config.seed} {context.cycle}")
        others = [own[index] for index in order]
    except NothingToShuffle as error:
        return [AdapterMissing(str(error), failed=False)]
    start = last_placebo(context) if context.config.adapter == "continue" else None
    folder = context.folder / "placebo-adapter"
    training = context.resources.student.fine_tune(
        [TrainingExample(pair.example.question, other.example.answer)
         for pair, other in zip(own, others, strict=True)],
        training_config(context), context.run_folder / start if start else None, folder,
        step_reporter(context, "placebo_"))
    return [PlaceboTrained(
        adapter=str(folder.relative_to(context.run_folder)), sha256=training.adapter_sha256, continued_from=start,
        steps=training.steps, seconds=training.seconds, tokens=training.tokens, first_loss=training.first_loss,
        last_loss=training.last_loss, examples=tuple(
            ShuffledRecord(pair.question_id, other.question_id)
            for pair, other in zip(own, others, strict=True)))]


def _group_keys(own: Sequence[TrainingPair]) -> list[str]:
    """Return a group key per pair: pairs with the same passage or the same answer must not swap references."""
    owner: dict[str, str] = {}
    return [owner.setdefault(pair.example.answer, pair.passage_id) for pair in own]


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
