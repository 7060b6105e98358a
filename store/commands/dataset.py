"""Flag questions and references of a run; as with every command, the role is checked here."""

from __future__ import annotations

from sqlalchemy import select

from store.commands.idempotency import new_token, record_once
from store.commands.runs import CommandRefused
from store.data_origin import FLAGS
from store.database import Store
from store.dataset_items import KINDS, review_of
from store.event_log.event_rows import append_without_claim, read_kinds
from store.events import ItemFlagged
from store.permissions import Role, require_permission
from store.program_name import NAME
from store.schema import questions, runs

_LONGEST_REASON = 2000


def flag(store: Store, run: str, flagged: ItemFlagged, role: Role = Role.OPERATOR, token: str | None = None) -> None:
    """Record a person's flag on a question, or that it is withdrawn.

    Raises:
        PermissionDenied: the role may not flag.
        CommandRefused: no such run, question or flag, or no reason or name.
    """
    require_permission(role, "flag")
    if flagged.flag not in FLAGS:
        raise CommandRefused(f"a flag is one of {', '.join(FLAGS)}")
    if not flagged.reason.strip() or len(flagged.reason) > _LONGEST_REASON:
        raise CommandRefused(f"a flag needs a reason of up to {_LONGEST_REASON} characters")
    if not flagged.by.strip():
        raise CommandRefused("a flag needs a name: enter yours")
    with store.read() as connection:
        if connection.execute(select(runs.c.id).where(runs.c.id == run)).scalar() is None:
            raise CommandRefused(f"no run {run!r}: list them with '{NAME} status'")
        asked = select(questions.c.question).where(questions.c.run == run, questions.c.question == flagged.question_id)
        if connection.execute(asked.limit(1)).scalar() is None and \
                review_of(read_kinds(connection, run, KINDS)).item(flagged.question_id) is None:  # no draft either
            raise CommandRefused(f"run {run} has no question {flagged.question_id!r}: list them with "
                                 f"'{NAME} dataset show {run}'")
    with store.write() as connection:
        if record_once(connection, token or new_token(), "flag", run):
            append_without_claim(connection, run, flagged)
