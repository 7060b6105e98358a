"""`ask`: one question to a run's students and its teacher, side by side, as they answer."""

from __future__ import annotations

import argparse
from collections.abc import Iterator

from rich.columns import Columns
from rich.console import Console
from rich.live import Live
from rich.panel import Panel
from rich.text import Text

from runner.commands.bad_input import BadInput
from runner.export import CannotExport, tuned_cycle
from store import asking_cost
from store.config import RunConfig
from store.database import open_for_reading
from store.locations import locations
from store.queries.best import best_adapter
from store.wording import money


def options(one: argparse.ArgumentParser) -> None:
    """Whose student, and the question."""
    one.add_argument("run", help="a run's id, as `status` shows it")
    one.add_argument("question", help="what to ask")
    one.add_argument("--cycle", type=int, metavar="K", help="whose adapter (default: the best by held-out score)")


def carry_out(options: argparse.Namespace) -> int:
    """Ask, and show the answers as they come; nothing of it goes on record."""
    from runner import asking
    from runner.roles import Teacher
    from runner.student.errors import StudentError
    from runner.teacher.errors import TeacherError

    places = locations()
    store = open_for_reading(places.store_url)
    if not options.question.strip():
        raise BadInput("the question is empty")
    try:
        run, cycle, adapter = tuned_cycle(store, places, options.run, options.cycle)
        print(f"run {run.id}, cycle {cycle.cycle}. What is asked here is on no record and counts in no score.")
        best = best_adapter(store, run.id)
        if best:
            print(best.sentence)
        if asking_cost.is_paid(run.config):
            print(asking_cost.estimate(run.config, options.question).sentence())
        asked: list[Teacher] = []

        def open_teacher(config: RunConfig) -> Teacher:
            asked.append(asking.unrecorded_teacher(config))
            return asked[-1]

        show(asking.ask(run.config, adapter, options.question, places, open_teacher=open_teacher),
             asking.arms_of(run.config), Console())
        for teacher in asked:
            used = teacher.usage()
            print(f"\nThe teacher: {used.prompt_tokens + used.completion_tokens:,} tokens, {money(used.cost_usd)}.")
    except (CannotExport, StudentError, TeacherError) as error:
        raise BadInput(str(error)) from error
    return 0


def show(pieces: Iterator[tuple[str, str]], arms: dict[str, str], console: Console) -> None:
    """Side by side where there is a terminal; one after the other where the output goes elsewhere."""
    said = {arm: f"({silent})" if silent else "" for arm, silent in arms.items()}
    if console.is_terminal:
        with Live(_beside(said), console=console, refresh_per_second=12) as live:
            for arm, piece in pieces:
                said[arm] += piece
                live.update(_beside(said))
        return
    for arm, piece in pieces:
        said[arm] += piece
    for arm, text in said.items():
        print(f"\n{arm}:\n{text or '(no words)'}")


def _beside(said: dict[str, str]) -> Columns:
    return Columns([Panel(Text(text), title=arm) for arm, text in said.items()], equal=True, expand=True)
