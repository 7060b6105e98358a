"""`ask`: answer one question with a run's students and its teacher, side by side, streamed."""

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
from runner.export.errors import CannotExport
from runner.export.student_export import tuned_cycle
from store.commands import playground
from store.control_arms import TEACHER
from store.costs import playground_budget
from store.database import open_for_reading, open_store
from store.paths import default_paths
from store.queries import Run
from store.queries.best_adapter import best_adapter


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The run, the cycle and the question."""
    parser.add_argument("run", help="a run's id, as `status` shows it")
    parser.add_argument("question", help="what to ask")
    parser.add_argument("--no-teacher", action="store_true",
                        help="ask the students only, so that nothing is billed")
    parser.add_argument("--cycle", type=int, metavar="K",
                        help="use this cycle's adapter (default: the last, or the one chosen on development questions)")


def run(args: argparse.Namespace) -> int:
    """Stream the answers to the terminal; nothing is recorded in the run."""
    from runner.playground import ask
    from runner.student.errors import StudentError

    paths = default_paths()
    store = open_for_reading(paths.store_url)
    if not args.question.strip():
        raise UserError("the question is empty")
    try:
        run, cycle, adapter = tuned_cycle(store, paths, args.run, args.cycle)
        print(f"run {run.id}, cycle {cycle.cycle}. Questions asked here count in no score.")
        best = best_adapter(store, run.id)
        if best:
            print(best.sentence_on(cycle.cycle))
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
    """Yield the teacher's answer within the remaining budget; its cost is recorded as for a playground question."""
    from runner.playground.teacher_answer import ask_paid_teacher

    claimed = playground.Claimed(-1 - secrets.randbelow(2**53), 1, run.id, cycle, question, with_teacher=True)
    answer = ask_paid_teacher(open_store(store_url), claimed, run.config)
    cost = "" if answer.bill is None else f"\n\n({answer.bill.sentence()})"
    yield TEACHER, (answer.text or f"(no answer: {answer.silent})") + cost


def render(pieces: Iterator[tuple[str, str]], arms: dict[str, str], console: Console) -> None:
    """Print the answers: live and side by side on a terminal, one after the other otherwise."""
    texts = {arm: f"({reason})" if reason else "" for arm, reason in arms.items()}
    if console.is_terminal:
        with Live(_columns(texts), console=console, refresh_per_second=12) as live:
            for arm, piece in pieces:
                texts[arm] += piece
                live.update(_columns(texts))
        return
    for arm, piece in pieces:
        texts[arm] += piece
    for arm, text in texts.items():
        print(f"\n{arm}:\n{text or '(empty answer)'}")


def _columns(texts: dict[str, str]) -> Columns:
    return Columns([Panel(Text(text), title=arm) for arm, text in texts.items()], equal=True, expand=True)
