"""Prepare a cycle's training set: study items of its facts and of all earlier cycles' facts, and the training's length.

With `study` off, the items are this cycle's training questions with their references, as they are.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Mapping, Sequence

from knowledge.passages import Passage
from knowledge.questions import PRACTICE
from knowledge.split import practice_passages
from knowledge.study import StudyItem, coverage, study_items, without_near_duplicates
from runner.pipeline import study_set
from runner.pipeline.artifacts import Artifact
from runner.pipeline.stage_context import StageContext
from runner.pipeline.stages.training_setup import plain_items, training_pairs
from runner.pipeline.training_plan import examples_wanted, weight_of
from runner.pipeline.training_speed import training_speed
from store.control_arms import TUNED
from store.events import (
    AnswersScored, Event, FormRecord, QuestionsAsked, ReplayAnswered, StudiedFact, StudySetPrepared,
)

CHARACTERS_PER_TOKEN = 4.2
"""Of English technical text under the embedded student's tokenizer; for plans only, the loss counts real tokens."""
PROMPT_TOKENS = 30
"""Tokens of the student's chat template around a question."""


class NothingToStudy(Exception):
    """No training question has a reference, so that there is nothing to train on."""
    error_kind = "training failure"


def study(context: StageContext) -> Sequence[Event]:
    """Make this cycle's study items, add those of earlier cycles, and decide the number of steps."""
    config = context.config
    made, refused, uncovered = _made(context)
    earlier = _latest_set(context.inputs) if config.study != "off" else None
    kept = study_set.read_items(context.run_folder / earlier.file) if earlier else []
    items = [*kept, *made]
    if not items:
        raise NothingToStudy("no training question of this cycle has a reference: there is nothing to train on")
    counted = Counter(item.passage_id for item in items)
    recalls = practice_recall(context.inputs)
    facts = [StudiedFact(fact.passage_id, fact.cycle, counted[fact.passage_id], fact.refused,
                         weight_of(recalls.get(fact.passage_id)), fact.uncovered_terms)
             for fact in (earlier.facts if earlier else ())]
    known = {fact.passage_id for fact in facts}
    facts += [StudiedFact(id, context.cycle, counted[id], refused[id], 1.0, uncovered.get(id, ()))
              for id in dict.fromkeys(item.passage_id for item in made) if id not in known]
    path = context.folder / study_set.FILE_NAME
    digest = study_set.write_items(path, items)
    speed = training_speed(context) if config.minutes is not None else None
    examples = examples_wanted(config, [fact.weight for fact in facts], _mean_tokens(items), speed)
    replayed = round(examples * config.general_replay) if _replay(context) else 0
    return [StudySetPrepared(
        str(path.relative_to(context.run_folder)), digest, tuple(facts),
        tuple(FormRecord(form, number) for form, number in Counter(item.form for item in items).items()),
        examples, replayed, examples // (config.batch_size * config.gradient_accumulation), speed)]


def practice_recall(inputs: Mapping[str, Artifact]) -> dict[str, float]:
    """Return passage id -> fact recall of the fine-tuned student's latest answer to its training question.

    The scores of test questions, which the same artifacts hold, are never used.
    """
    found: dict[str, float] = {}
    for cycle in sorted(int(name.partition("@")[2]) for name in inputs if name.startswith("tuned-evaluation@")):
        passages = {record.question_id: record.passage_id
                    for record in inputs[f"questions@{cycle}"].only(QuestionsAsked).questions
                    if record.tier == PRACTICE}
        for event in inputs[f"tuned-evaluation@{cycle}"].events:
            if isinstance(event, AnswersScored) and event.arm == TUNED:
                found |= {passages[score.question_id]: score.value for score in event.scores
                          if score.question_id in passages and score.metric == "fact_recall"
                          and score.value is not None}
    return found


def _made(context: StageContext) -> tuple[list[StudyItem], Counter[str], dict[str, tuple[str, ...]]]:
    """Return the items of this cycle's facts; per passage the number refused, and the key terms that none contains."""
    pairs = training_pairs(context)
    if context.config.study == "off":
        return plain_items(pairs), Counter(), {}
    locked = [record.text for record in context.inputs["held-out"].only(QuestionsAsked).questions]
    items: list[StudyItem] = []
    refused: Counter[str] = Counter()
    uncovered: dict[str, tuple[str, ...]] = {}
    by_passage = {pair.passage_id: pair for pair in pairs}
    siblings: dict[str, list[Passage]] = {}
    for passage in practice_passages(context.domain):
        siblings.setdefault(passage.topic, []).append(passage)
    for number, (id, pair) in enumerate(by_passage.items(), 1):
        passage = context.domain.passage(id)
        questions = tuple(dict.fromkeys((pair.example.question, *passage.questions)))
        asked = dataclasses.replace(passage, questions=questions)
        kept, dropped = without_near_duplicates(
            study_items(asked, context.config.seed, siblings=siblings[passage.topic], reference=pair.example.answer),
            locked)
        items += kept
        refused[id] = dropped
        uncovered[id] = tuple(term for term, times in coverage(kept, passage).items() if not times)
        context.progress(number, len(by_passage), "facts")
    return items, refused, uncovered


def _latest_set(inputs: Mapping[str, Artifact]) -> StudySetPrepared | None:
    """Return the training set of the latest earlier cycle."""
    cycles = {int(name.partition("@")[2]): artifact for name, artifact in inputs.items() if name.startswith("study@")}
    return cycles[max(cycles)].only(StudySetPrepared) if cycles else None


def _replay(context: StageContext) -> bool:
    artifact = context.inputs.get("replay")
    return artifact is not None and bool(artifact.only(ReplayAnswered).answers)


def _mean_tokens(items: Sequence[StudyItem]) -> float:
    """Return the estimated mean number of tokens of an item with its prompt."""
    characters = sum(len(item.prompt) + len(item.answer) for item in items)
    return characters / CHARACTERS_PER_TOKEN / len(items) + PROMPT_TOKENS
