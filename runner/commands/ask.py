"""`ask`: one question to a run's students and its teacher, side by side, as they answer."""

from __future__ import annotations

import argparse
import secrets
from collections.abc import Iterator
from itertools import chain

from rich.columns import Columns
from rich.console import Console
from rich.live import Live
from rich.panel import Panel
from rich.text import Text

from runner.commands.bad_input import BadInput
from runner.export import CannotExport, tuned_cycle
from store import asking_cost, playground
from store.arms import TEACHER
from store.database import open_for_reading, open_store
from store.locations import locations
from store.queries import Run
from store.queries.best import best_adapter


def options(one: argparse.ArgumentParser) -> None:
    """Whose student, and the question."""
    one.add_argument("run", help="a run's id, as `status` shows it")
    one.add_argument("question", help="what to ask")
    one.add_argument("--no-teacher", action="store_true", help="ask the students alone, so that nothing can be billed")
    one.add_argument("--cycle", type=int, metavar="K", help="whose adapter (default: the best by held-out score)")


def carry_out(options: argparse.Namespace) -> int:
    """Ask, and show the answers as they come; no event tells of it."""
    from runner import asking
    from runner.student.errors import StudentError

    places = locations()
    store = open_for_reading(places.store_url)
    if not options.question.strip():
        raise BadInput("the question is empty")
    try:
        run, cycle, adapter = tuned_cycle(store, places, options.run, options.cycle)
        print(f"run {run.id}, cycle {cycle.cycle}. What is asked here counts in no score.")
        best = best_adapter(store, run.id)
        if best:
            print(best.sentence)
        arms = asking.arms_of(run.config, with_teacher=not options.no_teacher)
        pieces = asking.ask_students(run.config, adapter, options.question, places, asking.student_of)
        if not arms[TEACHER]:
            print(asking_cost.estimate(run.config, options.question).sentence())
            pieces = chain(pieces, teacher_words(places.store_url, run, cycle.cycle, options.question))
        show(pieces, arms, Console())
    except (CannotExport, StudentError) as error:
        raise BadInput(str(error)) from error
    return 0


def teacher_words(store_url: str, run: Run, cycle: int, question: str) -> Iterator[tuple[str, str]]:
    """What the teacher says within what questions may still cost; its receipt is kept, as that of a page's question."""
    from runner.answering_teacher import teacher_says

    claimed = playground.Claimed(-1 - secrets.randbelow(2**53), 1, run.id, cycle, question, with_teacher=True)
    said = teacher_says(open_store(store_url), claimed, run.config)
    bill = "" if said.bill is None else f"\n\n({said.bill.sentence()})"
    yield TEACHER, (said.text or f"(no answer: {said.silent})") + bill


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
