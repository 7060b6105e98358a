"""Edit, approve, reject and add questions of a run, ask for others, end its review; correct them later.

Many questions are changed in one transaction, all or none. Each decision names what its person saw: where another
person was quicker, nothing is changed and the second one is told.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from sqlalchemy import Connection, select, update

from knowledge.near_duplicate_questions import NearDuplicateIndex, find_near_duplicate, normalize
from knowledge.question_sets.checks import MOST_CHARACTERS
from store.commands.idempotency import new_token, record_once
from store.commands.runs import CommandRefused
from store.database import Store
from store.dataset_items import (
    APPROVED, DECISIONS, GENERAL, KINDS, REJECTED, TEST, TRAIN, UNDECIDED, DatasetItem, DatasetReview, review_of,
)
from store.event_log.event_rows import append_without_claim, read_kinds
from store.events import (
    AddedRecord, DraftsAskedAgain, ItemChange, ItemCommented, ItemsReviewed, Recorded, ReviewFinished, RunRequeued,
)
from store.permissions import Role, require_permission
from store.program_name import NAME
from store.schema import claims, runs

WAITING = "waiting-for-review"
OPINIONS = ("", "keep", "change")
_MOST = MOST_CHARACTERS | {"reason": 2_000}
_FEW = 20
_NO_TEXT = re.compile("[\x00\ud800-\udfff]")


@dataclass(frozen=True)
class Decision:
    """What a person wants of one question."""

    question_id: str
    decision: str = APPROVED
    """`approved` or `rejected`."""
    question: str | None = None
    """The question from now on; None leaves it."""
    answer: str | None = None
    """The reference from now on; None leaves it."""
    seen: str = ""
    """`DatasetItem.seen` of what the person saw; empty skips the check."""


@dataclass(frozen=True)
class Person:
    """Who gives a command, and what they may do."""

    name: str
    role: Role = Role.OPERATOR


def decide(store: Store, run: str, decisions: Sequence[Decision], person: Person, reason: str = "",
           source: str = "", bulk: bool = False, token: str | None = None, added: Sequence[AddedRecord] = ()) -> int:
    """Record decisions on questions of a run, and new ones, all or none; return how many changed something.

    Args:
        store: the store.
        run: the run's id.
        decisions: at most one for each question.
        person: who decides.
        reason: why; a rejection needs one.
        source: name and hash of the file that the decisions were read from.
        bulk: whether a filter chose the questions.
        token: the same token is one command, however often it is given.
        added: new questions, each checked as a row of a file is (`dataset_import`).

    Raises:
        PermissionDenied: the role may not edit, or not approve.
        CommandRefused: an unknown or sealed question, a text that cannot be used, a rejection without a reason, a run
            whose questions are being written, or another person was quicker; nothing was changed.
    """
    edits = bool(added) or any(one.question is not None or one.answer is not None for one in decisions)
    require_permission(person.role, "edit" if edits else "approve")
    _require_name(person)
    if any(one.decision == REJECTED for one in decisions) and not reason.strip():
        raise CommandRefused("a rejection needs a reason: say what is wrong with the question")
    if unknown := [one.decision for one in decisions if one.decision not in DECISIONS]:
        raise CommandRefused(f"decision {unknown[0]!r} is none: use {' or '.join(DECISIONS)}")
    if fault := next((fault for one in decisions for fault in _text_faults(one)), _fault_of("reason", reason)):
        raise CommandRefused(fault)
    before = _read(store, run)
    _refuse_duplicates(before.review, decisions)
    with store.write() as connection:
        review = _locked(connection, run, before)
        _require_open_or_asked(connection, run, review)
        items = {id: one for one in review.items for id in (one.question_id, one.drafted_id) if id}
        changes = [change for one in decisions if (change := _change(run, items, one))]
        if twice := next((one.question for one in added if one.question.question_id in items), None):
            raise CommandRefused(f"the run has the question {_short(twice.text)} already: import the file again")
        if not (changes or added) or not record_once(connection, token or new_token(), "review", run):
            return 0
        append_without_claim(connection, run, ItemsReviewed(
            person.name.strip(), reason.strip(), source, bulk, tuple(changes), tuple(added)))
        return len(changes) + len(added)


def comment(store: Store, run: str, commented: ItemCommented, role: Role = Role.OPERATOR,
            token: str | None = None) -> None:
    """Record a person's comment on a question, with or without an opinion whether it may stay as it is.

    Raises:
        PermissionDenied: the role may not comment.
        CommandRefused: no such run, question or opinion, or neither comment nor opinion.
    """
    require_permission(role, "comment")
    _require_name(Person(commented.by))
    if commented.opinion not in OPINIONS:
        raise CommandRefused(f"opinion {commented.opinion!r} is none: use keep or change")
    if not commented.comment.strip() and not commented.opinion:
        raise CommandRefused("a comment needs words, or an opinion: keep or change")
    if fault := _fault_of("reason", commented.comment):
        raise CommandRefused(fault.replace("reason", "comment"))
    before = _read(store, run)
    if before.review.item(commented.question_id) is None:
        raise _no_question(run, commented.question_id)
    with store.write() as connection:
        if record_once(connection, token or new_token(), "comment", run):
            append_without_claim(connection, run, commented)


def ask_again(store: Store, run: str, person: Person, token: str | None = None) -> int:
    """Queue the run to write as many questions as were rejected, and to wait for their review; return how many.

    Raises:
        PermissionDenied: the role may not approve.
        CommandRefused: the run does not wait for a review, or nothing can be written again.
    """
    require_permission(person.role, "approve")
    _require_name(person)
    before = _read(store, run)
    with store.write() as connection:
        review = _locked(connection, run, before)
        _require_waiting(connection, run)
        wanted = review.wanted_again()
        if not wanted:
            raise CommandRefused("nothing is to be asked again: no question of the teacher's was rejected since the "
                                 "last time; people's own questions are not written again")
        if record_once(connection, token or new_token(), "ask again", run):
            append_without_claim(connection, run, DraftsAskedAgain(person.name.strip(), review.round + 1, wanted))
            _queue(connection, run, "people asked for other questions")
        return sum(one.count for one in wanted)


def finish_review(store: Store, run: str, person: Person, token: str | None = None) -> ReviewFinished:
    """End the review and queue the run, which goes on with what is approved.

    Raises:
        PermissionDenied: the role may not approve.
        CommandRefused: the run does not wait for a review, a question is undecided, or too few are approved.
    """
    require_permission(person.role, "approve")
    _require_name(person)
    before = _read(store, run)
    with store.write() as connection:
        review = _locked(connection, run, before)
        _require_waiting(connection, run)
        return finish_in_transaction(connection, run, person.name.strip(), review, token or new_token())


def finish_in_transaction(connection: Connection, run: str, by: str, review: DatasetReview,
                          token: str) -> ReviewFinished:
    """End a review inside the caller's transaction."""
    approved, rejected = review.of(APPROVED), review.of(REJECTED)
    if undecided := review.of(UNDECIDED):
        raise CommandRefused(f"{len(undecided):,} questions are neither approved nor rejected: decide on them, or "
                             f"approve the rest with '{NAME} dataset approve {run} --rest'")
    for part, name in ((TRAIN, "training"), (TEST, "test")):
        if any(one.part == part for one in rejected) and not any(one.part == part for one in approved):
            raise CommandRefused(f"no {name} question is approved: approve one at least, or ask again")
    finished = ReviewFinished(by, len(approved), len(rejected), sum(one.edited for one in approved))
    if record_once(connection, token, "finish review", run):
        append_without_claim(connection, run, finished)
        _queue(connection, run, "reviewed")
    return finished


@dataclass(frozen=True)
class _Read:
    """The events of a run's questions as they were read before the transaction."""

    recorded: list[Recorded]
    review: DatasetReview


def _read(store: Store, run: str) -> _Read:
    with store.read() as connection:
        recorded = read_kinds(connection, run, KINDS)
    return _Read(recorded, review_of(recorded))


def _locked(connection: Connection, run: str, before: _Read) -> DatasetReview:
    """Lock the run's events and return its review as it is now; only what came meanwhile is read again."""
    if connection.execute(select(claims.c.run).where(claims.c.run == run).with_for_update()).scalar() is None:
        raise CommandRefused(f"no run {run!r}: list them with '{NAME} status'")
    newer = read_kinds(connection, run, KINDS, before.recorded[-1].seq if before.recorded else 0)
    return review_of([*before.recorded, *newer]) if newer else before.review


def _require_name(person: Person) -> None:
    if not person.name.strip():
        raise CommandRefused("a decision needs a name: enter yours")


def _require_waiting(connection: Connection, run: str) -> None:
    work = connection.execute(select(runs.c.work).where(runs.c.id == run)).scalar()
    if work != WAITING:
        raise CommandRefused(f"run {run} is {work}: only a run that waits for its review can be asked again, or go on "
                             "with what is approved")


def _require_open_or_asked(connection: Connection, run: str, review: DatasetReview) -> None:
    """Refuse while drafts are being written: a decision would be about a part of them."""
    if not review.items:
        raise CommandRefused(f"run {run} has no question yet: wait until its questions are written")
    if review.open:
        work = connection.execute(select(runs.c.work).where(runs.c.id == run)).scalar()
        if work != WAITING:
            raise CommandRefused(f"run {run} is {work}: its questions can be changed when it waits for the review")


def _queue(connection: Connection, run: str, reason: str) -> None:
    connection.execute(update(claims).where(claims.c.run == run, claims.c.owner.is_not(None))
                       .values(owner=None, expires_at=None, fence=claims.c.fence + 1))
    connection.execute(update(claims).where(claims.c.run == run).values(stop_requested=None))
    append_without_claim(connection, run, RunRequeued(reason))


def _change(run: str, items: dict[str, DatasetItem], wanted: Decision) -> ItemChange | None:
    """Return what a decision changes; None where the question is so already.

    Raises:
        CommandRefused: no such question, a sealed one, or another person changed it meanwhile.
    """
    one = items.get(wanted.question_id)
    if one is None or one.part == GENERAL:
        raise _no_question(run, wanted.question_id)
    if one.sealed:
        raise CommandRefused(f"question {one.question_id} belongs to a shared test that was fixed by another run: "
                             "name another shared test set to review one")
    if wanted.seen and wanted.seen != one.seen:
        who = f"{one.by} changed question {one.question_id}" if one.by else f"question {one.question_id} changed"
        raise CommandRefused(f"{who} after you saw it ({one.decision}: {_short(one.question)}): look at it again; "
                             "nothing of yours was recorded")
    question = _new(wanted.question, one.question)
    answer = _new(wanted.answer, one.answer or "")
    if question is None and answer is None and wanted.decision == one.decision:
        return None
    return ItemChange(one.question_id, one.decision, wanted.decision,
                      one.question if question is not None else None, question,
                      (one.answer or "") if answer is not None else None, answer)


def _new(wanted: str | None, was: str) -> str | None:
    return None if wanted is None or wanted.strip() == was.strip() else wanted.strip()


def _text_faults(one: Decision) -> list[str]:
    """Return what is wrong with the texts of an edit."""
    found = []
    for field, text in (("question", one.question), ("answer", one.answer)):
        if text is None:
            continue
        if not text.strip():
            found.append(f"question {one.question_id} would have no {field}: reject it instead")
        elif field == "question" and not normalize(text):
            found.append(f"question {one.question_id} would be without a word: reword or reject it")
        found += [fault] if (fault := _fault_of(field, text)) else []
    return found


def _fault_of(field: str, text: str) -> str:
    if len(text) > _MOST[field]:
        return f"a {field} of {len(text):,} characters is too long: use {_MOST[field]:,} at most"
    return f"the {field} has a character that is no text: delete it" if _NO_TEXT.search(text) else ""


def _refuse_duplicates(review: DatasetReview, decisions: Sequence[Decision]) -> None:
    """Refuse an edited question that another one asks already, or that would carry the test into training."""
    edited = {one.question_id: one.question for one in decisions if one.question is not None}
    if not edited:
        return
    kept = [one for one in review.items if one.decision != REJECTED and one.question_id not in edited]
    same = {normalize(one.question): one for one in kept}
    part_of = {id: one.part for one in review.items for id in (one.question_id, one.drafted_id) if id}
    others = {part: _finder([one.question for one in kept if one.part == part], len(edited)) for part in (TRAIN, TEST)}
    for id, text in edited.items():
        if (twice := same.get(normalize(text))) is not None and id not in (twice.question_id, twice.drafted_id):
            raise CommandRefused(f"question {id} would ask the same as {twice.question_id}: reject one of them")
        across = {TRAIN: TEST, TEST: TRAIN}.get(part_of.get(id, ""), "")
        if across and (found := others[across](text)) is not None:
            raise CommandRefused(f"question {id} would ask in nearly the same words what the "
                                 f"{'test' if across == TEST else 'training set'} asks: {_short(found)}")


def _finder(texts: list[str], times: int) -> Callable[[str], str | None]:
    """Return what finds a near-duplicate among texts; an index takes as long to build as a few searches without one."""
    return NearDuplicateIndex(texts).find if times > _FEW else partial(find_near_duplicate, others=texts)


def _no_question(run: str, question_id: str) -> CommandRefused:
    return CommandRefused(f"run {run} has no question {question_id!r}: list them with "
                          f"'{NAME} dataset show {run}'")


def _short(text: str) -> str:
    return repr(text if len(text) <= 80 else f"{text[:80]}...")
