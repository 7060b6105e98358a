"""Rate answers, set tags and notes, archive and delete runs.

As with every command, a repeated token is ignored, and the role is checked here.
"""

from __future__ import annotations

from sqlalchemy import Connection, func, select

from store.commands.idempotency import new_token, record_once
from store.commands.runs import CommandRefused
from store.database import Store
from store.event_log.event_rows import append_without_claim
from store.events import AnswerRated, Event, RunAnnotated, RunArchived, RunDeleted
from store.permissions import Role, require_permission
from store.program_name import NAME
from store.schema import answers, runs

RATINGS = ("better", "same", "worse")
ARMS_RATED = ("baseline", "tuned")
TERMINAL_STATES = ("finished", "failed", "cancelled")
"""States in which a run may be deleted, because no runner will work on it."""
_LONGEST_NOTE, _LONGEST_TAG, _MOST_TAGS, _LONGEST_NAME = 2000, 40, 10, 80


def rate(store: Store, run: str, cycle: int, rated: AnswerRated, role: Role = Role.OPERATOR,
         token: str | None = None) -> None:
    """Record a person's rating of the tuned answer against the untrained one.

    Raises:
        PermissionDenied: the role may not rate.
        CommandRefused: no such rating, or the question does not have both answers.
    """
    require_permission(role, "rate")
    if rated.rating not in RATINGS or rated.left_arm not in ARMS_RATED:
        raise CommandRefused(f"a rating is one of {', '.join(RATINGS)}, "
                             f"with one of {', '.join(ARMS_RATED)} on the left")
    if len(rated.note) > _LONGEST_NOTE:
        raise CommandRefused(f"the note is longer than {_LONGEST_NOTE} characters")
    if not rated.rater.strip():
        raise CommandRefused("a rating needs a rater: enter your name")
    with store.write() as connection:
        if not _has_both_answers(connection, run, cycle, rated.question_id):
            raise CommandRefused("only a question with both answers can be rated")
        _write(connection, "rate", run, rated, token, cycle)


def annotate(store: Store, run: str, tags: tuple[str, ...], note: str, by: str, role: Role = Role.OPERATOR,
             token: str | None = None, name: str | None = None) -> None:
    """Set a run's tags and note, and its name if one is given, replacing the earlier ones.

    Args:
        store: where the run is.
        run: its id.
        tags: all its tags from now on.
        note: its note from now on.
        by: who sets them.
        role: the role of that person.
        token: a repeated one is ignored.
        name: its name in lists from now on; None leaves it. Its configuration keeps the name of the launch.

    Raises:
        PermissionDenied, CommandRefused: the role may not; no such run; too much text.
    """
    require_permission(role, "annotate")
    tags = tuple(dict.fromkeys(tag.strip() for tag in tags if tag.strip()))
    if len(note) > _LONGEST_NOTE or len(tags) > _MOST_TAGS or any(len(tag) > _LONGEST_TAG for tag in tags):
        raise CommandRefused(f"at most {_MOST_TAGS} tags of {_LONGEST_TAG} characters and a note of {_LONGEST_NOTE}")
    if name is not None and len(name.strip()) > _LONGEST_NAME:
        raise CommandRefused(f"the name is longer than {_LONGEST_NAME} characters")
    with store.write() as connection:
        _write(connection, "annotate", run,
               RunAnnotated(tags, note.strip(), by, None if name is None else name.strip()), token)


def archive(store: Store, run: str, archived: bool, by: str, role: Role = Role.OPERATOR,
            token: str | None = None) -> None:
    """Archive a run, or unarchive it.

    Raises:
        PermissionDenied, CommandRefused: the role may not; no such run.
    """
    require_permission(role, "archive")
    with store.write() as connection:
        _write(connection, "archive", run, RunArchived(archived, by), token)


def delete(store: Store, run: str, by: str, role: Role = Role.OPERATOR, token: str | None = None) -> None:
    """Delete a run that has ended from every page, estimate and comparison.

    Its events stay, because the log is append-only, and so do its files under `data/runs`.

    Raises:
        PermissionDenied, CommandRefused: the role may not; no such run; the run has not ended.
    """
    require_permission(role, "delete")
    with store.write() as connection:
        work = connection.execute(select(runs.c.work).where(runs.c.id == run)).scalar()
        if work is not None and work not in TERMINAL_STATES:
            raise CommandRefused(f"run {run} is {work}: cancel it first")
        _write(connection, "delete", run, RunDeleted(by), token)


def _write(connection: Connection, kind: str, run: str, event: Event, token: str | None,
           cycle: int | None = None) -> None:
    if connection.execute(select(runs.c.id).where(runs.c.id == run)).scalar() is None:
        raise CommandRefused(f"no run {run!r}: list them with '{NAME} status'")
    if record_once(connection, token or new_token(), kind, run):
        append_without_claim(connection, run, event, cycle=cycle)


def _has_both_answers(connection: Connection, run: str, cycle: int, question: str) -> bool:
    """Untrained answers to the held-out test are stored under cycle 0."""
    both = connection.execute(select(func.count(answers.c.arm.distinct())).where(
        answers.c.run == run, answers.c.cycle.in_((0, cycle)), answers.c.question == question,
        answers.c.arm.in_(ARMS_RATED), answers.c.text.is_not(None))).scalar_one()
    return int(both) == len(ARMS_RATED)
