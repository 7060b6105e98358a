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

from runner.errors import UserError
from runner.export.student_export import CannotExport, tuned_cycle
from store.commands import playground
from store.control_arms import TEACHER
from store.costs import playground_budget
from store.database import open_for_reading, open_store
from store.paths import default_paths
from store.queries import Run
from store.queries.best_adapter import best_adapter


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Whose student, and the question."""
    parser.add_argument("run", help="a run's id, as `status` shows it")
    parser.add_argument("question", help="what to ask")
    parser.add_argument("--no-teacher", action="store_true",
                        help="ask the students alone, so that nothing can be billed")
    parser.add_argument("--cycle", type=int, metavar="K", help="whose adapter (default: the best by held-out score)")


def run(args: argparse.Namespace) -> int:
    """Ask, and show the answers as they come; no event tells of it."""
    from runner.playground import ask
    from runner.student.errors import StudentError

    paths = default_paths()
    store = open_for_reading(paths.store_url)
    if not args.question.strip():
        raise UserError("the question is empty")
    try:
        run, cycle, adapter = tuned_cycle(store, paths, args.run, args.cycle)
        print(f"run {run.id}, cycle {cycle.cycle}. What is asked here counts in no score.")
        best = best_adapter(store, run.id)
        if best:
            print(best.sentence)
        arms = ask.answering_arms(run.config, with_teacher=not args.no_teacher)
        pieces = ask.answer_with_students(run.config, adapter, args.question, paths, ask.open_student)
        if not arms[TEACHER]:
            print(playground_budget.estimate(run.config, args.question).sentence())
            pieces = chain(pieces, stream_teacher(paths.store_url, run, cycle.cycle, args.question))
        render(pieces, arms, Console())
    except (CannotExport, StudentError) as error:
        raise UserError(str(error)) from error
    return 0


def stream_teacher(store_url: str, run: Run, cycle: int, question: str) -> Iterator[tuple[str, str]]:
    """What the teacher says within what questions may still cost; its receipt is kept, as that of a page's question."""
    from runner.playground.teacher_answer import ask_paid_teacher

    claimed = playground.Claimed(-1 - secrets.randbelow(2**53), 1, run.id, cycle, question, with_teacher=True)
    said = ask_paid_teacher(open_store(store_url), claimed, run.config)
    bill = "" if said.bill is None else f"\n\n({said.bill.sentence()})"
    yield TEACHER, (said.text or f"(no answer: {said.silent})") + bill


def render(pieces: Iterator[tuple[str, str]], arms: dict[str, str], console: Console) -> None:
    """Side by side where there is a terminal; one after the other where the output goes elsewhere."""
    said = {arm: f"({silent})" if silent else "" for arm, silent in arms.items()}
    if console.is_terminal:
        with Live(_columns(said), console=console, refresh_per_second=12) as live:
            for arm, piece in pieces:
                said[arm] += piece
                live.update(_columns(said))
        return
    for arm, piece in pieces:
        said[arm] += piece
    for arm, text in said.items():
        print(f"\n{arm}:\n{text or '(no words)'}")


def _columns(said: dict[str, str]) -> Columns:
    return Columns([Panel(Text(text), title=arm) for arm, text in said.items()], equal=True, expand=True)
