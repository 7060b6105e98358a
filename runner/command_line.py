"""What can be typed: the commands as a table, in the order of the help. Bad input is a sentence and exit code 2."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence

from runner.commands import (
    answer_questions, ask, asking, compare, demo, doctor, download, export, judge, keeping, knowledge, logs, queue,
    report, run, schedule, serve, status, work,
)
from runner.commands.bad_input import BadInput
from runner.lifeline import AlreadyRunning
from store.commands import CommandRefused
from store.config import InvalidConfig
from store.database import StoreUnusable

EPILOGUE = """\
examples:
  python -m runner run                                     a cycle with the embedded preset, offline
  python -m runner run --topics pods,services --questions 20 --held-out 40 --cycles 3
  python -m runner run --preset phi-2 --json               needs OPENAI_API_KEY, and a GPU to be quick
  python -m runner run --teacher llama3 --teacher-base-url http://localhost:11434/v1
  python -m runner serve                                   then launch runs from the dashboard
  python -m runner status                                  what has run and what waits
  python -m runner resume RUN                              go on from the last checkpoint
  python -m runner report RUN --to evidence.html           the evidence of a run, to hand over
  python -m runner compare RUN RUN:1                       which tuned student is better on the same test

state lives in ./data; DATA_DIR moves it, STORE_URL moves the event store alone.
exit codes: 0 done; 1 the run failed; 2 bad input, nothing was written; 3 cancelled or paused; 130 Ctrl-C.
"""

Options = Callable[[argparse.ArgumentParser], None]
CarryOut = Callable[[argparse.Namespace], int]

# name, what it does in one line, its options, what carries it out
COMMANDS: tuple[tuple[str, str, Options, CarryOut], ...] = (
    ("run", "queue a run and execute it in the foreground, with live progress", run.options, run.carry_out),
    ("serve", "serve the queue: take up runs that people launch, until stopped", serve.options, serve.carry_out),
    ("demo", "serve runner and dashboard; run a demonstration when the store is empty", demo.options, demo.carry_out),
    ("resume", "go on with a paused, cancelled, failed or interrupted run, in the foreground", asking.resume_options,
     asking.resume),
    ("cancel", "end a run; what is finished is kept", asking.options, asking.cancel),
    ("pause", "put a run aside between two items", asking.options, asking.pause),
    ("queue", "what waits, in order; --move RUN to change it", queue.options, queue.carry_out),
    ("judge", "score a run's stored answers again; its own scores and verdict stay", judge.options, judge.carry_out),
    ("schedule", "recurring runs: list, add, pause, resume, remove", schedule.options, schedule.carry_out),
    ("status", "list runs, newest first", status.options, status.carry_out),
    ("logs", "what the runner did, or what happened in a run", logs.options, logs.carry_out),
    ("backup", "store, checkpoints and adapters in one archive, while runs go on", keeping.backup_options,
     keeping.backup),
    ("restore", "put an archive back", keeping.restore_options, keeping.restore),
    ("rebuild", "make the read models anew from the events", keeping.rebuild_options, keeping.rebuild),
    ("migrate", "bring a store of an earlier version up to date, after a copy of it was kept", keeping.migrate_options,
     keeping.migrate),
    ("report", "the evidence of one run as one offline file: .html, .json or .csv", report.options, report.carry_out),
    ("compare", "runs or cycles beside each other, paired where the test is the same", compare.options,
     compare.carry_out),
    ("knowledge", "topics with their passages and questions, by source", knowledge.options, knowledge.carry_out),
    ("ask", "one question to a run's students and its teacher, side by side", ask.options, ask.carry_out),
    ("export", "a tuned student to take away: merged, adapter or GGUF, with a card", export.options, export.carry_out),
    ("download", "fetch a student from a hub; finished files are kept", download.options, download.carry_out),
    ("doctor", "what this machine can run, and why", doctor.options, doctor.carry_out),
)


def main(arguments: Sequence[str]) -> int:
    """Parse and carry out; returns the exit code."""
    options = parser().parse_args(arguments)
    carry_out: Callable[[argparse.Namespace], int] = options.carry_out
    try:
        return carry_out(options)
    except InvalidConfig as error:
        return _refuse(*error.errors)
    except (BadInput, StoreUnusable, AlreadyRunning, CommandRefused) as error:
        return _refuse(str(error))


def _refuse(*sentences: str) -> int:
    for sentence in sentences:
        print(f"error: {sentence}", file=sys.stderr)
    return 2


def parser() -> argparse.ArgumentParser:
    """All commands with their options; the help is the manual."""
    top = argparse.ArgumentParser(
        prog="python -m runner", epilog=EPILOGUE, formatter_class=argparse.RawDescriptionHelpFormatter,
        description="Does distillation into a small model work for our domain? Run cycles and find out.")
    kinds = top.add_subparsers(required=True, metavar="COMMAND")
    for name, help_text, options, carry_out in COMMANDS:
        one = kinds.add_parser(name, help=help_text, description=help_text)
        one.set_defaults(carry_out=carry_out)
        options(one)
    for name, started in (("work", work), ("answer-questions", answer_questions)):
        hidden = kinds.add_parser(name)  # what the supervisor starts; not for people, so it has no line in the help
        hidden.set_defaults(carry_out=started.carry_out)
        started.options(hidden)
    return top
