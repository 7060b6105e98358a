"""The one place where the dashboard writes: every command in the name and the role of whoever looks at the page.

Returns nothing and says what was wrong: a command that is refused is a sentence on the page, never a trace.
"""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from dashboard.access import store_access
from dashboard.session import identity
from dashboard.widgets import elements
from store import commands
from store.commands import CommandRefused, playground, ratings_and_tags
from store.commands.schedules import InvalidSchedule
from store.config import InvalidConfig, RunConfig
from store.database import Store, StoreError
from store.events import AnswerRated
from store.permissions import PERMISSIONS, PermissionDenied


def is_allowed(kind: str) -> bool:
    """Whether this person's role allows a command: for hiding what would be refused anyway."""
    return kind in PERMISSIONS[identity.current_user().role]


def launch(config: RunConfig, token: str) -> str | None:
    """Queue a run; its id, or None where it was refused."""
    person, launched = identity.current_user(), []
    if _execute(lambda store: launched.append(commands.launch_run(store, config, person.name, token,
                                                                  role=person.role))):
        return launched[0]
    return None


def command(kind: str, run: str, token: str) -> bool:
    """Cancel, pause, resume or retry a run."""
    return _execute(lambda store: commands.change_run_state(store, kind, run, token, identity.current_user().role))


def prioritise(run: str, token: str) -> bool:
    """Put a waiting run before all that wait."""
    return _execute(lambda store: commands.prioritise(store, run, token=token, role=identity.current_user().role))


def ask_question(run: str, cycle: int, words: str, with_teacher: bool, token: str) -> int | None:
    """Put a question to a run's students; its number, or None where it was refused."""
    person, put = identity.current_user(), []
    if _execute(lambda store: put.append(playground.ask(store, run, cycle, words, person.name, token, person.role,
                                                        with_teacher))):
        return put[0]
    return None


def rate(run: str, cycle: int, rated: AnswerRated, token: str) -> bool:
    return _execute(lambda store: ratings_and_tags.rate(store, run, cycle, rated, identity.current_user().role, token))


def annotate(run: str, tags: tuple[str, ...], note: str) -> bool:
    person = identity.current_user()
    return _execute(lambda store: ratings_and_tags.annotate(store, run, tags, note, person.name, person.role))


def archive(run: str, archived: bool) -> bool:
    person = identity.current_user()
    return _execute(lambda store: ratings_and_tags.archive(store, run, archived, person.name, person.role))


def delete(run: str) -> bool:
    person = identity.current_user()
    return _execute(lambda store: ratings_and_tags.delete(store, run, person.name, person.role, f"delete {run}"))


def _execute(write: Callable[[Store], object]) -> bool:
    """Whether it was written; where it was refused the page says why."""
    try:
        write(store_access.write_store())
    except InvalidSchedule as error:
        _show_refusal("This schedule cannot be added:", [f"• {fault}" for fault in error.errors])
    except InvalidConfig as error:
        _show_refusal("This run cannot be launched:", [f"• {fault}" for fault in error.errors])
    except (CommandRefused, PermissionDenied, StoreError) as error:
        _show_refusal("That was not done:", [str(error)])
    else:
        return True
    return False


def _show_refusal(head: str, lines: list[str]) -> None:
    st.error(head, icon=":material/error:")
    elements.plain_text("\n".join(lines))
