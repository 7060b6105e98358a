"""The table of commands, in the order of the help. Invalid input prints one sentence and exits with code 2."""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from runner.artifact_store.errors import ArtifactStoreError
from runner.cli.program import how_to_install, missing_modules
from runner.errors import UserError
from runner.service.process_locks import AlreadyRunning
from store.commands import CommandRefused
from store.costs.prices import InvalidPrices
from store.database import StoreError
from store.program_name import NAME, as_called
from store.run_config import InvalidConfig

EPILOGUE = """\
examples:
  python -m runner run                                     one cycle with the embedded preset, offline
  python -m runner run --topics pods,services --questions 20 --held-out 40 --cycles 3
  python -m runner run --preset phi-2 --json               needs OPENAI_API_KEY; slow without a GPU
  python -m runner run --teacher llama3 --teacher-base-url http://localhost:11434/v1
  python -m runner run --seeds 3                           three trainings on the same questions, with one interval
  python -m runner sweep --seeds 1-5 --learning-rate 5e-4,1.5e-3 --dry-run
  python -m runner run --questions 240 --forecast          three pilots first: is the run worth its cost?
  python -m runner serve                                   then launch runs from the dashboard
  python -m runner status                                  list all runs
  python -m runner resume RUN                              continue from the last checkpoint
  python -m runner report RUN --to evidence.html           the evidence pack of a run, as one file
  python -m runner compare RUN RUN:1                       which fine-tuned student is better on the same test

all state is in ./data; DATA_DIR moves it, STORE_URL moves the event store only, ARTIFACTS shares the files of runs.
exit codes: 0 done; 1 the run failed; 2 invalid input, nothing was written; 3 cancelled or paused; 130 Ctrl-C.
"""

@dataclass(frozen=True)
class Command:
    """One command: its name, one line of help, and the module of this package that implements it."""

    name: str
    help: str | None
    """None for internal commands, which the supervisor starts."""
    module: str
    arguments: str = "add_arguments"
    """The function that adds the arguments to a parser."""
    run: str = "run"
    """The function that runs the command and returns the exit code."""


COMMANDS: tuple[Command, ...] = (
    Command("run", "queue a run and execute it in the foreground, with live progress", "run", "add_run_arguments"),
    Command("sweep", "queue a group of runs with other seeds and settings, with one test; --dry-run shows the plan",
            "sweep"),
    Command("forecast", "what a larger run would measure, from three or more finished runs of growing size",
            "forecast"),
    Command("serve", "serve the queue: execute launched runs, until stopped", "serve"),
    Command("dashboard", "serve the dashboard alone, until stopped", "dashboard"),
    Command("demo", "serve runner and dashboard, with a demonstration run if the store is empty", "demo"),
    Command("resume", "continue a paused, cancelled, failed or interrupted run, in the foreground",
            "run_control", "add_resume_arguments", "resume"),
    Command("cancel", "cancel a run; finished work is kept", "run_control", "add_arguments", "cancel"),
    Command("pause", "pause a run after the current item", "run_control", "add_arguments", "pause"),
    Command("queue", "list queued runs in order; --move RUN changes it", "queue"),
    Command("judge", "score a run's stored answers again; its own scores and verdict stay", "judge"),
    Command("compare-teachers", "another teacher's references to a run's questions: agreement, and other verdicts",
            "compare_teachers"),
    Command("schedule", "recurring runs: list, add, pause, resume, remove", "schedule"),
    Command("status", "list runs, newest first", "status"),
    Command("logs", "the runner's log, or the events of a run", "logs"),
    Command("backup", "write store, checkpoints and adapters to one archive; runs may be active",
            "maintenance", "add_backup_arguments", "backup"),
    Command("restore", "restore an archive", "maintenance", "add_restore_arguments", "restore"),
    Command("rebuild", "rebuild the read models from the events", "maintenance", "add_rebuild_arguments", "rebuild"),
    Command("migrate", "migrate a store of an earlier version, after copying it",
            "maintenance", "add_migrate_arguments", "migrate"),
    Command("report", "the evidence pack of a run as one offline file: .html, .json or .csv", "report"),
    Command("verify-pack", "check an evidence pack from its file alone: numbers, design, hashes, signature",
            "verify_pack"),
    Command("make-key", "make the Ed25519 key that a team signs its evidence packs with", "verify_pack",
            "add_key_arguments", "make"),
    Command("compare", "runs or cycles side by side, paired if the test is the same", "compare"),
    Command("choose", "choose a group's settings on its development questions, then let them answer its test",
            "choose"),
    Command("gate", "check a run against requirements, for continuous integration: exit 0, 1 or 2", "gate"),
    Command("knowledge", "list topics with their passages and questions, by source", "knowledge"),
    Command("dataset", "show, review, correct, import and export a run's questions and references", "dataset"),
    Command("ask", "ask a run's students and its teacher one question, side by side", "ask"),
    Command("export", "export a fine-tuned student: merged, adapter or GGUF, with a model card", "export"),
    Command("verify", "let an exported or served student answer the locked test: same as measured, or different",
            "verify"),
    Command("serve-model", "serve a fine-tuned student at an OpenAI-compatible endpoint, until Ctrl-C", "serve_model"),
    Command("api", "serve the REST interface for other programs, until stopped", "api"),
    Command("mcp", "MCP tools over a running REST interface, by standard input and output", "mcp"),
    Command("export-events", "write runs to MLflow, Trackio or OpenTelemetry from the events; again: what is new",
            "export_events"),
    Command("webhook", "webhooks about runs: add, list, remove, send-again", "webhook"),
    Command("token", "tokens for the REST interface: add, list, revoke", "token"),
    Command("download", "download a student from the Hugging Face Hub; resumes where it stopped", "download"),
    Command("doctor", "check what this machine can run, and the store; or try a teacher's endpoint", "doctor"),
    Command("work", None, "worker_process"),
    Command("answer-questions", None, "playground_process"),
)


def main(arguments: Sequence[str]) -> int:
    """Parse the arguments, run the command, and return the exit code."""
    if arguments and (missing := missing_modules(arguments[0])):
        return _print_errors(how_to_install(missing, arguments[0]))
    args = parser(arguments[:1]).parse_args(arguments)
    execute: Callable[[argparse.Namespace], int] = args.execute
    try:
        return execute(args)
    except InvalidConfig as error:
        return _print_errors(*error.errors)
    except (UserError, StoreError, AlreadyRunning, CommandRefused, InvalidPrices, ArtifactStoreError) as error:
        return _print_errors(str(error))


def _print_errors(*messages: str) -> int:
    from store.formatting import escape_invisible  # a message may quote a file's content

    for message in messages:
        print(f"error: {escape_invisible(as_called(message))}", file=sys.stderr)
    return 2


def parser(only: Sequence[str] = ()) -> argparse.ArgumentParser:
    """Return the parser of all commands.

    Args:
        only: names of the commands whose arguments are needed. Only their modules are imported, so that a command does
            not wait for the libraries of others; empty imports all.
    """
    top = argparse.ArgumentParser(
        prog=NAME, epilog=as_called(EPILOGUE), formatter_class=argparse.RawDescriptionHelpFormatter,
        description="Does distillation into a small model work for our domain? Run experiments and find out.")
    commands = top.add_subparsers(required=True, metavar="COMMAND")
    for command in COMMANDS:
        # argparse lists only commands that have a help text.
        one = (commands.add_parser(command.name, help=command.help, description=command.help) if command.help
               else commands.add_parser(command.name))
        if only and command.name not in only:
            continue
        module = importlib.import_module(f"runner.cli.{command.module}")
        one.set_defaults(execute=getattr(module, command.run))
        getattr(module, command.arguments)(one)
    return top
