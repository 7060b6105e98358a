"""Compare a file of questions that was edited elsewhere with a run's questions: what changes, and what cannot be. Pure.

A row is a question of the run by its id, or in a file without ids by the same question. A question of a set that the
file has rows of, but that is not in the file, was deleted there: it is rejected.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from knowledge.near_duplicate_questions import normalize
from knowledge.question_sets import FaultyQuestions, QuestionRow, RowsRead
from knowledge.question_sets.checks import row_faults
from store.commands.review import Decision
from store.dataset_items import APPROVED, GENERAL, REJECTED, DatasetItem

_SHOWN = 60


@dataclass(frozen=True)
class ImportedChange:
    """One question that an imported file changes."""

    item: DatasetItem
    decision: Decision
    row: int
    """Its row in the file; 0 where it is not in it."""


@dataclass(frozen=True)
class ImportDifference:
    """What a file changes of a run's questions."""

    name: str
    sha256: str
    changes: tuple[ImportedChange, ...]
    unchanged: int

    @property
    def source(self) -> str:
        """The file, as it is recorded with each change."""
        return f"{self.name} (SHA-256 {self.sha256[:16]})"

    def sentences(self) -> list[str]:
        """Return how many questions are edited, approved and rejected, and each edit in a line."""
        edited = [one for one in self.changes if _edits(one.decision)]
        rejected = [one for one in self.changes if one.decision.decision == REJECTED]
        lines = [f"{self.name}: {len(edited):,} edited, {len(rejected):,} not in the file and rejected, "
                 f"{len(self.changes) - len(edited) - len(rejected):,} approved, {self.unchanged:,} unchanged"]
        for one in edited:
            for name, before, after in (("question", one.item.question, one.decision.question),
                                        ("answer", one.item.answer or "", one.decision.answer)):
                if after is not None:
                    lines.append(f"row {one.row}, {name}: {_short(before)} -> {_short(after)}")
        return lines + [f"rejected: {_short(one.item.question)}" for one in rejected]


def import_difference(read: RowsRead, items: Iterable[DatasetItem]) -> ImportDifference:
    """Compare a file's rows with a run's questions.

    Args:
        read: the file.
        items: of the run, as they are now.

    Raises:
        FaultyQuestions: with one sentence for each row that cannot be used; nothing is to be imported then.
    """
    known = [one for one in items if one.part != GENERAL]
    by_id = {id: one for one in known for id in (one.question_id, one.drafted_id) if id}
    by_text = {normalize(one.question): one for one in known}
    faults = row_faults(read.rows)
    found: dict[str, tuple[QuestionRow, DatasetItem]] = {}
    for row in read.rows:
        item = by_id.get(row.id) if row.id else by_text.get(normalize(row.question))
        if item is None:
            which = f"has the id {row.id!r}" if row.id else "asks a question"
            faults.append(f"row {row.row} {which} that the run does not have: bring new questions with --practice or "
                          "--test, and delete the row here")
        elif item.question_id in found:
            faults.append(f"row {row.row} is the same question as row {found[item.question_id][0].row}: keep one of "
                          "them")
        else:
            found[item.question_id] = (row, item)
    if faults:
        raise FaultyQuestions(read.name, faults)
    parts = {item.part for _, item in found.values()}
    changes = [change for row, item in found.values() if (change := _change(row, item))]
    changes += [ImportedChange(one, Decision(one.question_id, REJECTED), 0) for one in known
                if one.part in parts and one.question_id not in found and one.decision != REJECTED and not one.sealed]
    edits_of_sealed = [f"row {one.row} changes a question of a shared test that was fixed by another run: leave it as "
                       "it was" for one in changes if one.item.sealed]
    if edits_of_sealed:
        raise FaultyQuestions(read.name, edits_of_sealed)
    return ImportDifference(read.name, read.sha256, tuple(changes), len(found) - sum(one.row > 0 for one in changes))


def decisions_of(changes: Sequence[ImportedChange]) -> list[Decision]:
    """Return the decisions that record an import."""
    return [one.decision for one in changes]


def _change(row: QuestionRow, item: DatasetItem) -> ImportedChange | None:
    question = None if _same(row.question, item.question) else row.question
    answer = None if _same(row.answer, item.answer or "") else row.answer
    if question is None and answer is None and item.decision == APPROVED:
        return None
    return ImportedChange(item, Decision(item.question_id, APPROVED, question, answer, row.seen), row.row)


def _same(one: str, other: str) -> bool:
    """Return whether two texts are the same but for line ends and white space around them."""
    return one.replace("\r\n", "\n").strip() == other.replace("\r\n", "\n").strip()


def _edits(decision: Decision) -> bool:
    return decision.question is not None or decision.answer is not None


def _short(text: str) -> str:
    return repr(text if len(text) <= _SHOWN else f"{text[:_SHOWN]}...")
