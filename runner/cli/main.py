"""What can be typed: the commands as a table, in the order of the help. Bad input is a sentence and exit code 2."""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from runner.errors import UserError
from runner.service.process_lock import AlreadyRunning
from store.commands import CommandRefused
from store.costs.prices import InvalidPrices
from store.database import StoreError
from store.run_config import InvalidConfig

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

@dataclass(frozen=True)
class Command:
    """One command: its name, one line of help, and the file of this package that has its arguments and its work."""

    name: str
    help: str | None
    """None: what the supervisor starts, not for people."""
    module: str
    arguments: str = "add_arguments"
    """The function that declares them on a parser."""
    run: str = "run"
    """The function that does the work and returns the exit code."""


COMMANDS: tuple[Command, ...] = (
    Command("run", "queue a run and execute it in the foreground, with live progress", "run"),
    Command("serve", "serve the queue: take up runs that people launch, until stopped", "serve"),
    Command("demo", "serve runner and dashboard; run a demonstration when the store is empty", "demo"),
    Command("resume", "go on with a paused, cancelled, failed or interrupted run, in the foreground",
            "run_control", "add_resume_arguments", "resume"),
    Command("cancel", "end a run; what is finished is kept", "run_control", "add_arguments", "cancel"),
    Command("pause", "put a run aside between two items", "run_control", "add_arguments", "pause"),
    Command("queue", "what waits, in order; --move RUN to change it", "queue"),
    Command("judge", "score a run's stored answers again; its own scores and verdict stay", "judge"),
    Command("schedule", "recurring runs: list, add, pause, resume, remove", "schedule"),
    Command("status", "list runs, newest first", "status"),
    Command("logs", "what the runner did, or what happened in a run", "logs"),
    Command("backup", "store, checkpoints and adapters in one archive, while runs go on",
            "maintenance", "add_backup_arguments", "backup"),
    Command("restore", "put an archive back", "maintenance", "add_restore_arguments", "restore"),
    Command("rebuild", "make the read models anew from the events", "maintenance", "add_rebuild_arguments", "rebuild"),
    Command("migrate", "bring a store of an earlier version up to date, after a copy of it was kept",
            "maintenance", "add_migrate_arguments", "migrate"),
    Command("report", "the evidence of one run as one offline file: .html, .json or .csv", "report"),
    Command("compare", "runs or cycles beside each other, paired where the test is the same", "compare"),
    Command("knowledge", "topics with their passages and questions, by source", "knowledge"),
    Command("ask", "one question to a run's students and its teacher, side by side", "ask"),
    Command("export", "a tuned student to take away: merged, adapter or GGUF, with a card", "export"),
    Command("download", "fetch a student from a hub; finished files are kept", "download"),
    Command("doctor", "what this machine can run, and why", "doctor"),
    Command("work", None, "worker_process"),
    Command("answer-questions", None, "playground_process"),
)


def main(arguments: Sequence[str]) -> int:
    """Parse and execute; returns the exit code."""
    args = parser(arguments[:1]).parse_args(arguments)
    execute: Callable[[argparse.Namespace], int] = args.execute
    try:
        return execute(args)
    except InvalidConfig as error:
        return _print_errors(*error.errors)
    except (UserError, StoreError, AlreadyRunning, CommandRefused, InvalidPrices) as error:
        return _print_errors(str(error))


def _print_errors(*sentences: str) -> int:
    for sentence in sentences:
        print(f"error: {sentence}", file=sys.stderr)
    return 2


def parser(only: Sequence[str] = ()) -> argparse.ArgumentParser:
    """All commands; the help is the manual.

    Args:
        only: the names of the commands whose arguments are wanted. Only their files are imported, so that a command
            does not wait for the libraries of the others; empty imports all.
    """
    top = argparse.ArgumentParser(
        prog="python -m runner", epilog=EPILOGUE, formatter_class=argparse.RawDescriptionHelpFormatter,
        description="Does distillation into a small model work for our domain? Run cycles and find out.")
    kinds = top.add_subparsers(required=True, metavar="COMMAND")
    for command in COMMANDS:
        # Without a help text a command has no line in the list of commands.
        one = (kinds.add_parser(command.name, help=command.help, description=command.help) if command.help
               else kinds.add_parser(command.name))
        if only and command.name not in only:
            continue
        module = importlib.import_module(f"runner.cli.{command.module}")
        one.set_defaults(execute=getattr(module, command.run))
        getattr(module, command.arguments)(one)
    return top
