"""Lay the questions that people brought into a domain: each rests on a passage, on the side of the split of its set.

A row with a passage brings it; a row without rests on its answer alone, which nothing can retrieve or read. A test
row whose passage, or whose answer of several words, is that of a practice row asks about a fact that is taught.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from itertools import count
from pathlib import Path

from knowledge.documents.topic_assignment import readable, slug_of
from knowledge.domain import Domain, domain_of
from knowledge.given_questions import ANSWER_ALONE, PEOPLE, GivenQuestion, QuestionFile
from knowledge.key_terms import key_terms, word_counts
from knowledge.languages import is_another_language, word_count
from knowledge.near_duplicate_questions import normalize
from knowledge.other_language_terms import other_language_key_terms
from knowledge.passages import Passage
from knowledge.question_sets.checks import FaultyQuestions, leak_faults, row_faults
from knowledge.question_sets.rows import SPLITS, QuestionRow, RowsRead, read_rows
from knowledge.questions import HELD_OUT, PARAPHRASE, PRACTICE
from knowledge.split import HELD_OUT_SIDE, PRACTICE_SIDE, Side, side_of

TEST = "test"
MOST_TEST_ROWS = 1_000
TELLING_WORDS = 4
"""An answer of so many words is one fact; a shorter one, such as a number, may answer several questions."""
COMMON_SHARE = 20
"""A word that occurs in more than one of so many answers tells none of them from the others."""
SHORT_ANSWER_WORDS = 3
"""An answer of up to so many words is its own key term."""


@dataclass(frozen=True)
class QuestionSets:
    """The rows of a run's practice set and of its test, checked; empty where people brought none."""

    practice: tuple[QuestionRow, ...]
    test: tuple[QuestionRow, ...]
    files: tuple[QuestionFile, ...]


def open_question_sets(practice: str, test: str) -> QuestionSets:
    """Read and check the files of a practice set and of a test; an empty path is none.

    Rows that the column `split` gives to the other set are left out, except that a practice file alone brings its own
    test rows.

    Raises:
        FaultyQuestions: with one sentence for each fault.
    """
    return check_question_sets(read_rows(Path(practice).expanduser()) if practice else None,
                               read_rows(Path(test).expanduser()) if test else None)


def check_question_sets(of_practice: RowsRead | None, own_test: RowsRead | None) -> QuestionSets:
    """Check the rows of a practice set and of a test that were read; None is none.

    Raises:
        FaultyQuestions: with one sentence for each fault.
    """
    of_test = own_test or of_practice
    trained, kept = _rows_of(of_practice, PRACTICE, PRACTICE), _rows_of(of_test, TEST, TEST if own_test else PRACTICE)
    for read, rows, option in ((of_practice, trained, "practice"), (own_test, kept, "test")):
        if read and not rows:
            raise FaultyQuestions(read.name, [f"no row is for the {option} set: leave the column split out, or write "
                                              f"{option} in it"])
    for read, rows in ((of_practice, trained), (of_test, kept)):
        if read and (faults := row_faults(rows)):
            raise FaultyQuestions(read.name, faults)
    if of_test and len(kept) > MOST_TEST_ROWS:
        raise FaultyQuestions(of_test.name, [f"it has {len(kept):,} test questions: use {MOST_TEST_ROWS:,} at most"])
    if of_test and (faults := leak_faults(trained, kept)):
        raise FaultyQuestions(of_test.name, faults)
    files = [_file(role, read, rows) for role, read, rows in
             ((PRACTICE, of_practice, trained), (TEST, of_test, kept)) if read and rows]
    return QuestionSets(tuple(trained), tuple(kept), tuple(files))


def with_question_sets(domain: Domain | None, sets: QuestionSets, name: str = "") -> Domain:
    """Return the domain with the questions of both sets, and what they rest on.

    Args:
        domain: the documents; None where the rows are all there is.
        name: what the domain is called without documents; by default after the first file.
    """
    given: list[GivenQuestion] = []
    passages: list[Passage] = []
    names: dict[str, str] = {}
    rows = (*sets.practice, *sets.test)
    counts, most = word_counts(row.answer for row in rows), max(2, len(rows) // COMMON_SHARE)
    counts = Counter({word: number for word, number in counts.items() if number <= most})
    file_of = {file.role: file.name for file in sets.files}
    taught = {} if sets.practice else {normalize(passage.text): passage for passage in domain.passages
                                       if side_of(passage.id) == PRACTICE_SIDE} if domain else {}
    for row in sets.practice:
        passage = passage_of_row(row, file_of[PRACTICE], PRACTICE_SIDE, counts)
        passages.append(passage)
        given.append(GivenQuestion(row.question, row.answer, passage.topic, PRACTICE, passage.id, row.row))
        taught |= dict.fromkeys(fact_keys(row.answer, row.passage), passage)
        names.setdefault(passage.topic, _topic_name(row, file_of[PRACTICE]))
    for row in sets.test:
        fact = next((taught[key] for key in fact_keys(row.answer, row.passage) if key in taught), None)
        passage = fact or passage_of_row(row, file_of[TEST], HELD_OUT_SIDE, counts)
        passages += [] if fact else [passage]
        tier = PARAPHRASE if fact else HELD_OUT
        given.append(GivenQuestion(row.question, row.answer, passage.topic, tier, passage.id, row.row))
        names.setdefault(passage.topic, _topic_name(row, file_of[TEST]))
    base = domain or domain_of(name or readable(Path(sets.files[0].name).stem), ())
    joined = domain_of(base.name, (*base.passages, *passages), {**names, **base.given_names})
    return replace(joined, hash=_hash(joined.hash, given), follows_from="", given=tuple(given), given_in=sets.files)


def _rows_of(read: RowsRead | None, role: str, given_as: str) -> list[QuestionRow]:
    """Return the rows that belong to a set.

    Args:
        given_as: the set of rows that name none.

    Raises:
        FaultyQuestions: a row names no known set.
    """
    if read is None:
        return []
    if unknown := [row for row in read.rows if row.split.casefold() not in SPLITS]:
        raise FaultyQuestions(read.name, [f"row {row.row} has {row.split!r} in the column split: write practice or "
                                          "test" for row in unknown])
    return [row for row in read.rows if (SPLITS[row.split.casefold()] or given_as) == role]


def _file(role: str, read: RowsRead, rows: Sequence[QuestionRow]) -> QuestionFile:
    return QuestionFile(role, read.name, read.sha256, len(rows), sum(bool(row.passage) for row in rows), read.remark)


def fact_keys(answer: str, passage: str) -> list[str]:
    """Return the texts by which two questions are known to be about one fact."""
    return [normalize(text) for text, telling in ((passage, True), (answer, word_count(answer) >= TELLING_WORDS))
            if text and telling]


def passage_of_row(row: QuestionRow, file: str, side: Side, counts: Counter[str]) -> Passage:
    """Return what a row rests on; its id is salted until it lies on the side of the row's set."""
    content = json.dumps([side, row.question, row.answer, row.passage], ensure_ascii=False)
    id = next(id for salt in count() if side_of(id := _digest(f"{salt} {content}")) == side)
    name, text = _topic_name(row, file), row.passage or row.answer
    return Passage(id, slug_of(name), PEOPLE if row.passage else ANSWER_ALONE, name, text, f"{file}, row {row.row}",
                   _key_terms(row, text, counts), (row.question,) if side == PRACTICE_SIDE else (),
                   () if side == PRACTICE_SIDE else (row.question,))


def _key_terms(row: QuestionRow, text: str, counts: Counter[str]) -> tuple[str, ...]:
    """Return the words that a right answer must contain; each occurs in the row's answer and in what it rests on."""
    if word_count(row.answer) <= SHORT_ANSWER_WORDS:
        found: Sequence[str] = [row.answer.strip(" .")]
    elif is_another_language(row.answer):
        found = other_language_key_terms(row.answer, row.question, counts)
    else:
        found = key_terms(row.answer, row.question, counts)
    return tuple(term for term in found if term and term.casefold() in text.casefold()
                 and term.casefold() not in row.question.casefold())


def _topic_name(row: QuestionRow, file: str) -> str:
    return row.topic or readable(Path(file).stem)


def _hash(passages: str, given: Sequence[GivenQuestion]) -> str:
    return _digest(json.dumps([passages, [asdict(one) for one in given]], sort_keys=True))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]
