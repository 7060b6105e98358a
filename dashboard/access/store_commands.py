"""The only module of the dashboard that writes to the store: commands with the current user's name and role.

A refused command is reported on the page as a sentence, never as a traceback.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import streamlit as st

from dashboard.access import store_access
from dashboard.session import identity
from dashboard.widgets import elements
from store import commands, queries
from store.analysis.launch_forecast import longest_first
from store.commands import CommandRefused, dataset, playground, ratings_and_tags, review, verifications
from store.commands.review import Decision, Person
from store.commands.schedules import InvalidSchedule
from store.commands.verifications import Artefact
from store.database import Store, StoreError
from store.dataset_import import ImportDifference, decisions_of
from store.events import AnswerRated, ForecastRegistered, ItemCommented, ItemFlagged, SettingsChosen
from store.permissions import PERMISSIONS, PermissionDenied
from store.run_config import InvalidConfig, RunConfig
from store.sweep import SweepPlan


def is_allowed(kind: str) -> bool:
    """Whether the user's role permits a command; used to hide buttons of commands that would be refused."""
    return kind in PERMISSIONS[identity.current_user().role]


def launch(config: RunConfig, token: str) -> str | None:
    """Queue a run; returns its id, or None if it was refused."""
    person, launched = identity.current_user(), []
    if _execute(lambda store: launched.append(commands.launch_run(store, config, person.name, token,
                                                                  role=person.role))):
        return launched[0]
    return None


def launch_group(plan: SweepPlan) -> str | None:
    """Queue the runs of a plan, each once, the longest first; returns the id of the first one in the queue, or None if
    they were refused."""
    person, launched = identity.current_user(), list[commands.QueuedGroup]()

    def queue(store: Store) -> None:
        configs = longest_first(plan.configs, queries.past_stages(store))
        launched.append(commands.launch_group(store, configs, plan.group, person.name, role=person.role))

    return launched[0].runs[0] if _execute(queue) else None


def register_forecast(config: RunConfig, forecast: ForecastRegistered, advice: str) -> str | None:
    """Queue a run paused with its forecast on record; returns its id, or None if it was refused."""
    person, registered = identity.current_user(), []
    if _execute(lambda store: registered.append(commands.register_forecast(store, config, forecast, advice, person.name,
                                                                           person.role))):
        return registered[0]
    return None


def open_test(chosen: Sequence[str], others: Sequence[str], event: SettingsChosen) -> bool:
    """Record the settings that were chosen for a group: their runs go on to answer the test, the others end."""
    return _execute(lambda store: commands.open_test(store, chosen, others, event, identity.current_user().role))


def command(kind: str, run: str, token: str) -> bool:
    """Cancel, pause, resume or retry a run."""
    return _execute(lambda store: commands.change_run_state(store, kind, run, token, identity.current_user().role))


def prioritise(run: str, token: str) -> bool:
    """Move a queued run to the front of the queue."""
    return _execute(lambda store: commands.prioritise(store, run, token=token, role=identity.current_user().role))


def ask_question(run: str, cycle: int, question: str, with_teacher: bool, token: str) -> int | None:
    """Submit a playground question to a run's students; returns its number, or None if it was refused."""
    person, numbers = identity.current_user(), []
    if _execute(lambda store: numbers.append(playground.ask(store, run, cycle, question, person.name, token,
                                                            person.role, with_teacher))):
        return numbers[0]
    return None


def verify_export(run: str, cycle: int, artefact: Artefact, token: str) -> int | None:
    """Queue the verification of an export; returns its number, or None if it was refused."""
    person, numbers = identity.current_user(), []
    if _execute(lambda store: numbers.append(verifications.request(store, run, cycle, artefact, person.name, token,
                                                                   person.role))):
        return numbers[0]
    return None


def rate(run: str, cycle: int, rated: AnswerRated, token: str) -> bool:
    return _execute(lambda store: ratings_and_tags.rate(store, run, cycle, rated, identity.current_user().role, token))


def flag(run: str, flagged: ItemFlagged, token: str) -> bool:
    """Flag a question of a run, or withdraw a flag."""
    return _execute(lambda store: dataset.flag(store, run, flagged, identity.current_user().role, token))


def decide(run: str, decisions: Sequence[Decision], reason: str = "", bulk: bool = False, token: str = "") -> bool:
    """Edit, approve or reject questions of a run."""
    return _execute(lambda store: review.decide(store, run, decisions, _person(), reason, "", bulk, token or None))


def bring_back(run: str, found: ImportDifference, reason: str, token: str) -> bool:
    """Record what a set that was edited elsewhere changes."""
    return _execute(lambda store: review.decide(store, run, decisions_of(found.changes), _person(), reason,
                                                found.source, token=token, added=found.added))


def comment(run: str, commented: ItemCommented, token: str) -> bool:
    """Comment on a question of a run."""
    return _execute(lambda store: review.comment(store, run, commented, identity.current_user().role, token))


def ask_again(run: str, token: str) -> bool:
    """Let the teacher write as many questions as were rejected."""
    return _execute(lambda store: review.ask_again(store, run, _person(), token))


def finish_review(run: str, token: str) -> bool:
    """End the review of a run, which goes on with what is approved."""
    return _execute(lambda store: review.finish_review(store, run, _person(), token))


def _person() -> Person:
    person = identity.current_user()
    return Person(person.name, person.role)


def annotate(run: str, tags: tuple[str, ...], note: str, name: str | None = None) -> bool:
    """Set tags and note of a run, and its name if one is given."""
    person = identity.current_user()
    return _execute(lambda store: ratings_and_tags.annotate(store, run, tags, note, person.name, person.role,
                                                            name=name))


def archive(run: str, archived: bool) -> bool:
    person = identity.current_user()
    return _execute(lambda store: ratings_and_tags.archive(store, run, archived, person.name, person.role))


def delete(run: str) -> bool:
    person = identity.current_user()
    return _execute(lambda store: ratings_and_tags.delete(store, run, person.name, person.role, f"delete {run}"))


def _execute(write: Callable[[Store], object]) -> bool:
    """Execute a command; returns False and draws the reason if it was refused."""
    try:
        write(store_access.write_store())
    except InvalidSchedule as error:
        _show_refusal("This schedule cannot be added:", [f"• {fault}" for fault in error.errors])
    except InvalidConfig as error:
        _show_refusal("This run cannot be launched:", [f"• {fault}" for fault in error.errors])
    except (CommandRefused, PermissionDenied, StoreError) as error:
        _show_refusal("The command was refused:", [str(error)])
    else:
        return True
    return False


def _show_refusal(head: str, lines: list[str]) -> None:
    st.error(head, icon=":material/error:")
    elements.plain_text("\n".join(lines))
