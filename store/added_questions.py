"""Turn rows that people added to a run's questions elsewhere into questions of the run. Pure.

Each rests on a passage of its own, on the side of the split of its set, as the questions of `--practice` and `--test`
do. A test question with the passage, or the answer of several words, of a training question is about a taught fact; a
training question on a fact of the test that is never taught is refused.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from knowledge.near_duplicate_questions import NearDuplicateIndex
from knowledge.question_sets import QuestionRow
from knowledge.question_sets.given_domain import MOST_TEST_ROWS, TEST as TEST_SET, fact_keys, passage_of_row
from knowledge.question_sets.rows import SPLITS
from knowledge.questions import HELD_OUT, PARAPHRASE, PRACTICE, question_id
from knowledge.split import HELD_OUT_SIDE, PRACTICE_SIDE, Side
from store.data_origin import people_writer
from store.dataset_items import REJECTED, TEST, TRAIN, DatasetItem
from store.events import AddedRecord, QuestionRecord

SET_NAMES = {TRAIN: "training set", TEST: "test"}
"""Part -> how sentences name it."""
_SHOWN = 80


def added_questions(rows: Sequence[QuestionRow], file: str, items: Sequence[DatasetItem],
                    kept: Mapping[str, Sequence[str]]) -> tuple[list[AddedRecord], list[str]]:
    """Return the questions that new rows of a file are, and a sentence for each row that cannot be one.

    Args:
        rows: that are not of the run, each without a fault of its own.
        file: its name.
        items: of the run.
        kept: part -> the questions that it has after the import, without the new ones.
    """
    of_part = {part: [item for item in items if item.part == part] for part in (TRAIN, TEST)}
    alone = next(iter(kept)) if len(kept) == 1 else ""
    parts: dict[int, str] = {}
    faults: list[str] = []
    for row in rows:
        found = _part(row, alone, of_part)
        parts[row.row] = found if found in of_part else ""
        faults += [] if found in of_part else [found]
    if faults:
        return [], faults
    trained = [_trained(row, file, of_part[TRAIN]) for row in rows if parts[row.row] == TRAIN]
    taught = {key: _Fact(item.topic, item.passage_id, item.title, item.passage) for item in of_part[TRAIN]
              if item.decision != REJECTED for key in fact_keys(item.answer or "", item.passage)}
    taught |= {key: _Fact(one.question.topic, one.question.passage_id, one.question.title, one.question.passage)
               for one in trained for key in fact_keys(one.answer, one.question.passage)}
    added = [*trained, *(_tested(row, file, taught) for row in rows if parts[row.row] == TEST)]
    faults = _untaught_facts([row for row in rows if parts[row.row] == TRAIN], of_part[TEST])
    faults += _near_duplicates(rows, parts, {
        part: kept.get(part) or [item.question for item in of_items if item.decision != REJECTED]
        for part, of_items in of_part.items()})
    if (size := len(kept.get(TEST, ())) + sum(one.part == TEST for one in added)) > MOST_TEST_ROWS:
        faults.append(f"the test would have {size:,} questions: use {MOST_TEST_ROWS:,} at most")
    return added, faults


def part_of_split(split: str, otherwise: str) -> str:
    """Return the part that the column `split` names; where it names none, or no known one, the other text."""
    return {"": otherwise, TEST_SET: TEST}.get(SPLITS.get(split.casefold(), ""), TRAIN)


def _part(row: QuestionRow, alone: str, of_part: Mapping[str, Sequence[DatasetItem]]) -> str:
    """Return the part that a row is for, or the sentence on why there is none."""
    if row.split.casefold() not in SPLITS:
        return f"row {row.row} has {row.split!r} in the column split: write practice or test"
    part = part_of_split(row.split, alone)
    if not part:
        return f"row {row.row} is new and says not which set it is for: write practice or test in the column split"
    if not of_part[part]:
        return f"row {row.row} is new and for the {SET_NAMES[part]}, which the run does not have: launch another run " \
               f"with --{'test' if part == TEST else 'practice'}"
    if all(item.sealed for item in of_part[part]):
        return f"row {row.row} is new and for a shared test that was fixed by another run: delete the row"
    return part


@dataclass(frozen=True)
class _Fact:
    """What a question that is trained rests on."""

    topic: str
    passage_id: str
    title: str
    passage: str


def _trained(row: QuestionRow, file: str, trained: Sequence[DatasetItem]) -> AddedRecord:
    """Return a row as a question of the first cycle that trains any."""
    return AddedRecord(TRAIN, min(item.cycle for item in trained), _record(row, file, PRACTICE_SIDE, PRACTICE),
                       row.answer, people_writer(file))


def _tested(row: QuestionRow, file: str, taught: Mapping[str, _Fact]) -> AddedRecord:
    """Return a row as a question of the test: on a taught fact, or on one of its own."""
    question = _record(row, file, HELD_OUT_SIDE, HELD_OUT)
    if fact := next((taught[key] for key in fact_keys(row.answer, row.passage) if key in taught), None):
        question = replace(question, tier=PARAPHRASE, topic=fact.topic, passage_id=fact.passage_id, title=fact.title,
                           passage=fact.passage)
    return AddedRecord(TEST, 0, question, row.answer, people_writer(file))


def _record(row: QuestionRow, file: str, side: Side, tier: str) -> QuestionRecord:
    passage = passage_of_row(row, file, side, Counter())
    evidence = row.answer if row.answer.casefold() in row.passage.casefold() else ""
    return QuestionRecord(question_id(row.question), tier, passage.topic, row.question, passage.id, passage.title,
                          row.passage, passage.address, evidence, passage.key_terms)


def _untaught_facts(rows: Iterable[QuestionRow], tested: Iterable[DatasetItem]) -> list[str]:
    """Return the new training rows that would teach what the test asks as a fact that is never taught."""
    untaught = {key: item for item in tested if item.decision != REJECTED and item.tier == HELD_OUT
                for key in fact_keys(item.answer or "", item.passage)}
    return [f"row {row.row} is new and would teach the passage or the answer of a test question on a fact that is "
            f"never taught: {_short(item.question)}; delete one of them"
            for row in rows if (item := next((untaught[key] for key in fact_keys(row.answer, row.passage)
                                              if key in untaught), None))]


def _near_duplicates(rows: Iterable[QuestionRow], parts: Mapping[int, str],
                     kept: Mapping[str, Sequence[str]]) -> list[str]:
    """Return the new rows that ask in nearly the same words what the other set asks: the test would be trained."""
    indices = {part: NearDuplicateIndex(texts) for part, texts in kept.items()}
    faults = []
    for row in rows:
        other = TEST if parts[row.row] == TRAIN else TRAIN
        if (near := indices[other].find(row.question)) is not None:
            faults.append(f"row {row.row} is new and asks in nearly the same words what the {SET_NAMES[other]} asks: "
                          f"{_short(near)}; reword it, or delete the row")
        indices[parts[row.row]].add(row.question)
    return faults


def _short(text: str) -> str:
    return repr(text if len(text) <= _SHOWN else f"{text[:_SHOWN]}...")
