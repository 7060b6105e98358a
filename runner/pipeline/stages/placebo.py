"""The placebo: an adapter trained exactly as the cycle's own, but with the references of other questions.

What it gains is style, length and manner; it was never shown a right answer. It reads nothing that is held out.
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
    """The references are so alike that some question would keep its own."""


def placebo_fine_tune(context: StageContext) -> Sequence[Event]:
    """Train on shuffled references, from the placebo of the cycle before where the run says `continue`."""
    own = training_pairs(context)
    try:
        others = [own[at] for at in derangement(_keys(own), f"placebo {context.config.seed} {context.cycle}")]
    except NothingToShuffle as error:
        return [AdapterMissing(str(error), failed=False)]
    start = last_placebo(context) if context.config.adapter == "continue" else None
    folder = context.folder / "placebo-adapter"
    training = context.resources.student.fine_tune(
        [TrainingExample(lesson.example.question, other.example.answer) for lesson,
         other in zip(own, others, strict=True)],
        training_config(context), context.run_folder / start if start else None, folder,
        step_reporter(context, "placebo_"))
    return [PlaceboTrained(
        adapter=str(folder.relative_to(context.run_folder)), sha256=training.adapter_sha256, continued_from=start,
        steps=training.steps, seconds=training.seconds, tokens=training.tokens, first_loss=training.first_loss,
        last_loss=training.last_loss, examples=tuple(
            ShuffledRecord(lesson.question_id, other.question_id)
            for lesson, other in zip(own, others, strict=True)))]


def _keys(own: Sequence[TrainingPair]) -> list[str]:
    """What two questions must not swap references within: a passage, or one text under several passages."""
    owner: dict[str, str] = {}
    return [owner.setdefault(lesson.example.answer, lesson.passage_id) for lesson in own]


def derangement(keys: Sequence[str], seed: str) -> list[int]:
    """For each place another one, each once and none of the same key.

    Places of one key are laid side by side, by chance otherwise, and all move on by the size of the largest group.

    Raises:
        NothingToShuffle: one key stands at more than half of the places.
    """
    chance = random.Random(seed)
    groups = Counter(keys)
    step = max(groups.values(), default=0)
    if not keys or step * 2 > len(keys):
        raise NothingToShuffle(f"{len(keys)} references cannot be shuffled so that no question keeps its own")
    lots = {key: chance.random() for key in sorted(groups)}
    line = sorted(range(len(keys)), key=lambda at: (lots[keys[at]], keys[at], chance.random()))
    moved = {place: line[(number + step) % len(line)] for number, place in enumerate(line)}
    return [moved[place] for place in range(len(keys))]


def placebo_path(context: StageContext, name: str) -> tuple[Path | None, str | None]:
    """A cycle's placebo adapter, or the reason why there is none."""
    artifact = context.inputs[name]
    trained = artifact.first(PlaceboTrained)
    return (context.run_folder / trained.adapter, None) if trained else (None, artifact.only(AdapterMissing).reason)


def last_placebo(context: StageContext) -> str | None:
    """The placebo of the latest earlier cycle that has one, relative to the run's folder."""
    cycles = {int(name.partition("@")[2]): artifact for name, artifact in context.inputs.items()
              if name.startswith("placebo-fine-tune@")}
    trained = [found for cycle in sorted(cycles) if (found := cycles[cycle].first(PlaceboTrained))]
    return trained[-1].adapter if trained else None
