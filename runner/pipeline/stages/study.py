"""Prepare a cycle's training set: study items of its facts and of all earlier cycles' facts, and the training's length.

With `study` off, the items are this cycle's training questions with their references, as they are.
"""

from __future__ import annotations

import dataclasses
import statistics
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from knowledge.given_questions import ANSWER_ALONE, GIVEN
from knowledge.near_duplicate_questions import NearDuplicateIndex
from knowledge.passages import Passage
from knowledge.questions import PRACTICE
from knowledge.split import practice_passages
from knowledge.study import ALL, StudyItem, coverage, study_items, without_near_duplicates, written_items
from knowledge.study.recipe import GIVEN_FORMS, READING
from runner.pipeline import study_set
from runner.pipeline.stage_checkpoints import Artifact
from runner.pipeline.reading_items import reading_stream
from runner.pipeline.stage_context import StageContext
from runner.pipeline.stages.added_passages import domain_of_questions
from runner.pipeline.stages.approved_sets import edited_passage, edited_questions
from runner.pipeline.stages.context_prompts import passages_style
from runner.pipeline.stages.facts import facts_from_record
from runner.pipeline.stages.training_setup import (
    TrainingPair, form_shares, plain_items, presented_items, training_pairs,
)
from runner.pipeline.study_notes import (
    edited_notes, given_notes, passage_notes, presentation_notes, question_notes, reading_notes, written_notes,
)
from runner.pipeline.training_plan import examples_wanted, weight_of
from runner.pipeline.training_speed import training_speed
from store.control_arms import TUNED
from store.dataset_items import TRAIN
from store.events import (
    AnswersScored, Event, FactsWritten, FormRecord, QuestionsAsked, ReplayAnswered, StudiedFact, StudySetPrepared,
    TermCoverage,
)
from store.run_config import RunConfig

CHARACTERS_PER_TOKEN = 4.2
"""Of English technical text under the embedded student's tokenizer; for plans only, the loss counts real tokens."""
PROMPT_TOKENS = 30
"""Tokens of the student's chat template around a question."""


class NothingToStudy(Exception):
    """No training question has a reference, so that there is nothing to train on."""
    error_kind = "training failure"


@dataclass(frozen=True)
class MadeItems:
    """Study items that were made for a cycle, and what is to be said about them."""

    items: list[StudyItem]
    facts: list[StudiedFact]
    """Without the number of items; none for passages that are read and not taught."""
    notes: list[str]


def study(context: StageContext) -> Sequence[Event]:
    """Make this cycle's study items, add those of earlier cycles, and decide the number of steps."""
    config = context.config
    made = _made(context)
    earlier = _latest_set(context.inputs) if config.study != "off" else None
    kept = study_set.read_items(context.run_folder / earlier.file) if earlier else []
    items = [*(item for item in kept if item.form != READING), *made.items]
    if not items:
        raise NothingToStudy("no training question of this cycle has a reference: there is nothing to train on")
    read = _reading(context, {item.passage_id for item in items})
    items += read.items
    recalls = practice_recall(context.inputs)
    facts = [dataclasses.replace(fact, weight=weight_of(recalls.get(fact.passage_id)))
             for fact in (earlier.facts if earlier else ())]
    known = {fact.passage_id for fact in facts}
    counted = Counter(item.passage_id for item in items)
    facts = [dataclasses.replace(fact, items=counted[fact.passage_id])
             for fact in [*facts, *(fact for fact in made.facts if fact.passage_id not in known)]]
    path = context.folder / study_set.FILE_NAME
    digest = study_set.write_items(path, items)
    speed = training_speed(context) if config.minutes is not None else None
    examples = examples_wanted(config, [fact.weight for fact in facts], mean_tokens(items, form_shares(config)), speed)
    replayed = round(examples * config.general_replay) if _replay(context) else 0
    weights = {fact.passage_id: fact.weight for fact in facts}
    shown = presented_items(context, items, examples - replayed, weights) if config.study != "off" else []
    notes = [*made.notes, *read.notes] + (presentation_notes(Counter(item.passage_id for item in shown), list(weights))
                          if shown else [])
    return [StudySetPrepared(
        str(path.relative_to(context.run_folder)), digest, tuple(facts), _forms(items, shown), examples, replayed,
        examples // (config.batch_size * config.gradient_accumulation), speed, tuple(notes))]


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


def _made(context: StageContext) -> MadeItems:
    """Return the items of this cycle's facts; what nearly repeats a test question is refused and counted."""
    pairs = training_pairs(context)
    if context.config.study == "off":
        items = plain_items(pairs)
        return MadeItems(items, [StudiedFact(id, context.cycle, 0, 0, 1.0, ())
                                 for id in dict.fromkeys(item.passage_id for item in items)], [])
    locked = _locked(context)
    written = context.inputs["facts"].only(FactsWritten) if "facts" in context.inputs else None
    facts_of = facts_from_record(written) if written else {}
    made = MadeItems([], [], [])
    siblings: dict[str, list[Passage]] = {}
    domain = domain_of_questions(context)
    trainable = practice_passages(domain)
    for passage in trainable:
        siblings.setdefault(passage.topic, []).append(passage)
    by_passage = {pair.passage_id: pair for pair in pairs}
    edited = edited_questions(context, TRAIN, context.cycle)
    for number, (id, pair) in enumerate(by_passage.items(), 1):
        passage = domain.passage(id)
        if pair.question_id in edited:
            passage = edited_passage(passage, pair.example.question, pair.example.answer)
        asked = dataclasses.replace(
            passage, questions=tuple(dict.fromkeys((pair.example.question, *passage.questions))))
        candidates = [*_by_rule(context.config, asked, pair, siblings[passage.topic]),
                      *written_items(passage, () if pair.question_id in edited else facts_of.get(id, ()))]
        kept, refused = without_near_duplicates(candidates, locked)
        made.items.extend(kept)
        counts = coverage(kept, passage)
        made.facts.append(StudiedFact(
            id, context.cycle, 0, refused, 1.0, tuple(term for term, times in counts.items() if not times),
            tuple(TermCoverage(term, times) for term, times in counts.items())))
        context.progress(number, len(by_passage), "facts")
    passages = [domain.passage(id) for id in by_passage]
    practised = [record for record in context.inputs["questions"].only(QuestionsAsked).questions
                 if record.tier == PRACTICE]
    given = any(passage.source in GIVEN for passage in passages)
    made.notes.extend([*([] if given else question_notes(len(practised), context.config.questions)),
                       *given_notes(passages), *passage_notes(passages),
                       *edited_notes(sum(pair.question_id in edited for pair in by_passage.values()))])
    if written:
        made.notes.extend(written_notes(written, passages, alone=context.config.study == "teacher"))
    return made


def _by_rule(config: RunConfig, asked: Passage, pair: TrainingPair, siblings: Sequence[Passage]) -> list[StudyItem]:
    """Return the items made by rule; beside a teacher's facts alone, the questions as asked and the text.

    Args:
        asked: the passage with the questions that are trained.
    """
    forms = GIVEN_FORMS if asked.source in GIVEN else ALL
    if config.study != "teacher":
        return list(study_items(asked, config.seed, forms, siblings, pair.example.answer))
    items = study_items(asked, config.seed, [form for form in ("question", "document") if form in forms],
                        reference=pair.example.answer)
    return [item for item in items if item.form == "document" or item.wording == "as asked"]


def _reading(context: StageContext, taught: Collection[str]) -> MadeItems:
    """Return the reading items of this cycle's training; what nearly repeats a test question is refused and counted.

    Args:
        taught: ids of the passages that are taught closed-book.
    """
    config = context.config
    if not config.reading_share or config.study == "off":
        return MadeItems([], [], [])
    trainable = [passage for passage in practice_passages(domain_of_questions(context))
                 if passage.source != ANSWER_ALONE and passage.topic not in config.new_topics]
    items, shortened, read = reading_stream(
        trainable, taught, config.seed, passages_style(config.question_before_passages),
        lambda item: tokens_of(item) <= config.max_sequence_tokens)
    kept, refused = without_near_duplicates(items, _locked(context))
    notes = reading_notes(shortened, config.max_sequence_tokens, refused, sum(passage.id in taught for passage in read))
    return MadeItems(list(kept), [], notes)


def _locked(context: StageContext) -> NearDuplicateIndex:
    """Return the questions of the test."""
    return NearDuplicateIndex(record.text for record in context.inputs["held-out"].only(QuestionsAsked).questions)


def _forms(items: Sequence[StudyItem], shown: Sequence[StudyItem]) -> tuple[FormRecord, ...]:
    """Return, per form, its items with their wordings, and its presentations with their tokens."""
    wordings: dict[str, set[str]] = {}
    for item in items:
        wordings.setdefault(item.form, set()).add(item.wording)
    presented, tokens = Counter(item.form for item in shown), Counter[str]()
    for item in shown:
        tokens[item.form] += round(tokens_of(item))
    return tuple(FormRecord(form, number, len(wordings[form]), presented[form], tokens[form])
                 for form, number in Counter(item.form for item in items).items())


def _latest_set(inputs: Mapping[str, Artifact]) -> StudySetPrepared | None:
    """Return the training set of the latest earlier cycle."""
    cycles = {int(name.partition("@")[2]): artifact for name, artifact in inputs.items() if name.startswith("study@")}
    return cycles[max(cycles)].only(StudySetPrepared) if cycles else None


def _replay(context: StageContext) -> bool:
    artifact = context.inputs.get("replay")
    return artifact is not None and bool(artifact.only(ReplayAnswered).answers)


def tokens_of(item: StudyItem) -> float:
    """Return the estimated number of tokens of an item with its prompt."""
    prompt = PROMPT_TOKENS if item.prompt else 0
    return (len(item.prompt) + len(item.answer)) / CHARACTERS_PER_TOKEN + prompt


def mean_tokens(items: Sequence[StudyItem], shares: Mapping[str, float]) -> float:
    """Return the estimated mean number of tokens of a presentation.

    Args:
        shares: form -> share of the presentations; a form without one is not presented.
    """
    by_form: dict[str, list[float]] = {}
    for item in items:
        by_form.setdefault(item.form, []).append(tokens_of(item))
    total = sum(shares.get(form, 0.0) for form in by_form)
    return sum(shares.get(form, 0.0) * statistics.fmean(of_form) for form, of_form in by_form.items()) / total
