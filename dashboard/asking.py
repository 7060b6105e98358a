"""The one place where the dashboard writes: every command in the name and the role of whoever looks at the page.

Returns nothing and says what was wrong: a command that is refused is a sentence on the page, never a trace.
"""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from dashboard import opening, showing, who
from store import commands, playground, remarks
from store.commands import CommandRefused
from store.config import InvalidConfig, RunConfig
from store.database import Store, StoreUnusable
from store.events import AnswerRated
from store.roles import MAY, NotAllowed
from store.schedules import InvalidSchedule


def may(kind: str) -> bool:
    """Whether this person's role allows a command: for hiding what would be refused anyway."""
    return kind in MAY[who.looking().role]


def launch(config: RunConfig, token: str) -> str | None:
    """Queue a run; its id, or None where it was refused."""
    person, launched = who.looking(), []
    if asked(lambda store: launched.append(commands.launch(store, config, person.name, token, role=person.role))):
        return launched[0]
    return None


def command(kind: str, run: str, token: str) -> bool:
    """Cancel, pause, resume or retry a run."""
    return asked(lambda store: commands.command(store, kind, run, token, who.looking().role))


def prioritise(run: str, token: str) -> bool:
    """Put a waiting run before all that wait."""
    return asked(lambda store: commands.prioritise(store, run, token=token, role=who.looking().role))


def question(run: str, cycle: int, words: str, with_teacher: bool, token: str) -> int | None:
    """Put a question to a run's students; its number, or None where it was refused."""
    person, put = who.looking(), []
    if asked(lambda store: put.append(playground.ask(store, run, cycle, words, person.name, token, person.role,
                                                     with_teacher))):
        return put[0]
    return None


def rate(run: str, cycle: int, rated: AnswerRated, token: str) -> bool:
    return asked(lambda store: remarks.rate(store, run, cycle, rated, who.looking().role, token))


def annotate(run: str, tags: tuple[str, ...], note: str) -> bool:
    person = who.looking()
    return asked(lambda store: remarks.annotate(store, run, tags, note, person.name, person.role))


def archive(run: str, archived: bool) -> bool:
    person = who.looking()
    return asked(lambda store: remarks.archive(store, run, archived, person.name, person.role))


def delete(run: str) -> bool:
    person = who.looking()
    return asked(lambda store: remarks.remove(store, run, person.name, person.role, f"delete {run}"))


def asked(write: Callable[[Store], object]) -> bool:
    """Whether it was written; where it was refused the page says why."""
    try:
        write(opening.writing())
    except InvalidSchedule as error:
        _refused("This schedule cannot be added:", [f"• {fault}" for fault in error.errors])
    except InvalidConfig as error:
        _refused("This run cannot be launched:", [f"• {fault}" for fault in error.errors])
    except (CommandRefused, NotAllowed, StoreUnusable) as error:
        _refused("That was not done:", [str(error)])
    else:
        return True
    return False


def _refused(head: str, lines: list[str]) -> None:
    st.error(head, icon=":material/error:")
    showing.plain("\n".join(lines))
