"""Compare a file of questions that was edited elsewhere with a run's questions: what changes, and what cannot be. Pure.

A row is a question of the run by its id, or without an id by the same question; any other without an id is new, and
people's own. A question of a set that the file has exported rows of, but that is not in the file, was deleted there: it
is rejected.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from knowledge.near_duplicate_questions import normalize
from knowledge.question_sets import FaultyQuestions, QuestionRow, RowsRead
from knowledge.question_sets.checks import row_faults
from store.added_questions import SET_NAMES, added_questions, part_of_split
from store.commands.review import Decision
from store.dataset_items import APPROVED, GENERAL, REJECTED, DatasetItem
from store.events import AddedRecord

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
    added: tuple[AddedRecord, ...] = ()

    @property
    def nothing(self) -> bool:
        """Whether the run is so already."""
        return not self.changes and not self.added

    @property
    def source(self) -> str:
        """The file, as it is recorded with each change."""
        return f"{self.name} (SHA-256 {self.sha256[:16]})"

    def summary(self) -> str:
        """Return how many questions are edited, rejected, approved and new."""
        edited = sum(_edits(one.decision) for one in self.changes)
        rejected = sum(one.decision.decision == REJECTED for one in self.changes)
        return (f"{self.name}: {edited:,} edited, {rejected:,} not in the file and rejected, "
                f"{len(self.changes) - edited - rejected:,} approved, {self.unchanged:,} unchanged"
                + (f", {len(self.added):,} new" if self.added else ""))

    def rows(self) -> list[ChangedRow]:
        """Return each edit, rejection and new question, as it was and as it will be."""
        texts = [ChangedRow(one.row, name, before, after) for one in self.changes for name, before, after in (
            ("question", one.item.question, one.decision.question),
            ("answer", one.item.answer or "", one.decision.answer)) if after is not None]
        return [*texts, *(ChangedRow(0, "rejected", one.item.question, "") for one in self.changes
                          if one.decision.decision == REJECTED),
                *(ChangedRow(0, f"new ({one.part})", "", f"{one.question.text} {one.answer}") for one in self.added)]

    def sentences(self) -> list[str]:
        """Return the summary, and each edit, rejection and new question in a line."""
        return [self.summary(), *(
            f"row {one.row}, {one.what}: {_short(one.before)} -> {_short(one.after)}" if one.row else
            f"{one.what}: {_short(one.before or one.after)}" for one in self.rows())]


@dataclass(frozen=True)
class ChangedRow:
    """One text that an imported file changes."""

    row: int
    """Its row in the file; 0 where it is not in it, or is new."""
    what: str
    """`question`, `answer`, `rejected`, or `new` with the set."""
    before: str
    after: str


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
    new: list[QuestionRow] = []
    for row in read.rows:
        item = by_id.get(row.id) if row.id else by_text.get(normalize(row.question))
        if item is None and row.id:
            faults.append(f"row {row.row} has the id {row.id!r} that the run does not have: leave the id empty in a "
                          "new row; rows of another run are imported there")
        elif item is None:
            new.append(row)
        elif item.question_id in found:
            faults.append(f"row {row.row} is the same question as row {found[item.question_id][0].row}: keep one of "
                          "them")
        else:
            found[item.question_id] = (row, item)
    faults += _of_another_set(found.values())
    if faults:
        raise FaultyQuestions(read.name, faults)
    ids = any(row.id for row in read.rows)  # rows that somebody added say nothing about the rest of their set
    parts = {item.part for row, item in found.values() if row.id or not ids}
    changes = [change for row, item in found.values() if (change := _change(row, item))]
    changes += [ImportedChange(one, Decision(one.question_id, REJECTED), 0) for one in known
                if one.part in parts and one.question_id not in found and one.decision != REJECTED and not one.sealed]
    edits_of_sealed = [f"row {one.row} changes a question of a shared test that was fixed by another run: leave it as "
                       "it was" for one in changes if one.item.sealed]
    added, of_new = added_questions(new, read.name, known, _kept(known, found, parts)) if new else ([], [])
    if edits_of_sealed or of_new:
        raise FaultyQuestions(read.name, [*edits_of_sealed, *of_new])
    return ImportDifference(read.name, read.sha256, tuple(changes), len(found) - sum(one.row > 0 for one in changes),
                            tuple(added))


def decisions_of(changes: Sequence[ImportedChange]) -> list[Decision]:
    """Return the decisions that record an import."""
    return [one.decision for one in changes]


def _of_another_set(found: Iterable[tuple[QuestionRow, DatasetItem]]) -> list[str]:
    """Return the rows that ask the same as a question of a set that they are not of: the test would be trained."""
    pairs = list(found)
    most = Counter(item.part for _, item in pairs).most_common(1)
    return [f"row {row.row} is of the {SET_NAMES[part]} and is the same question as one of the "
            f"{SET_NAMES[item.part]}: delete the row, because a question does not change its set"
            for row, item in pairs if (part := part_of_split(row.split, most[0][0] if most else "")) in SET_NAMES
            and part != item.part]


def _kept(known: Iterable[DatasetItem], found: Mapping[str, tuple[QuestionRow, DatasetItem]],
          parts: Iterable[str]) -> dict[str, list[str]]:
    """Return the questions of each part that the file has rows of, as the file leaves them."""
    kept: dict[str, list[str]] = {part: [] for part in parts}
    for one in known:
        if one.part in kept and (one.question_id in found or one.sealed):
            kept[one.part].append(found[one.question_id][0].question if one.question_id in found else one.question)
    return kept


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
