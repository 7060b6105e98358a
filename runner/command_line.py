"""What can be typed: the parser, and one small function a command. Bad input is a sentence and exit code 2."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from knowledge.folder import NoSuchFolder, NothingReadable
from knowledge.topics import BUILT_IN
from runner.lifeline import AlreadyRunning, end_with_parent
from store import commands, queries
from store.config import ADAPTERS, HEADLINES, PRECISIONS, PRESETS, RANGES, InvalidConfig, RunConfig, preset
from store.database import NoStoreYet, StoreUnusable, open_for_reading, open_store
from store.journal import Claim
from store.locations import locations

EPILOGUE = """\
examples:
  python -m runner run                                     a cycle with the embedded preset, offline
  python -m runner run --topics pods,services --questions 20 --held-out 40 --cycles 3
  python -m runner run --preset phi-2 --json               needs OPENAI_API_KEY, and a GPU to be quick
  python -m runner run --teacher llama3 --teacher-base-url http://localhost:11434/v1
  python -m runner serve                                   then launch runs from the dashboard
  python -m runner status                                  what has run and what waits
  python -m runner resume RUN                              go on from the last checkpoint

state lives in ./data; DATA_DIR moves it, STORE_URL moves the event store alone.
exit codes: 0 done; 1 the run failed; 2 bad input, nothing was written; 3 cancelled or paused; 130 Ctrl-C.
"""


class BadInput(Exception):
    """Something that a person can mend; the message says what and how."""


def main(arguments: Sequence[str]) -> int:
    """Parse and carry out; returns the exit code."""
    options = parser().parse_args(arguments)
    carry_out: Callable[[argparse.Namespace], int] = options.carry_out
    try:
        return carry_out(options)
    except InvalidConfig as error:
        return _refuse(*error.errors)
    except (BadInput, StoreUnusable, AlreadyRunning, commands.CommandRefused) as error:
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
    _add_run(kinds)
    _add(kinds, "serve", _serve, "serve the queue: take up runs that people launch, until stopped")
    demo = _add(kinds, "demo", _demo, "serve runner and dashboard; run a demonstration when the store is empty")
    demo.add_argument("--no-run", action="store_true", help="only serve")
    for name, help_text in (("resume", "go on with a paused, cancelled, failed or interrupted run, in the foreground"),
                            ("cancel", "end a run; what is finished is kept"),
                            ("pause", "put a run aside between two items")):
        one = _add(kinds, name, _resume if name == "resume" else _command(name), help_text)
        one.add_argument("run", help="a run's id, as `status` shows it")
        if name == "resume":
            one.add_argument("--json", action="store_true", help="print the result as one JSON object, last")
    _add(kinds, "status", _status, "list runs, newest first").add_argument("--json", action="store_true")
    knowledge = _add(kinds, "knowledge", _knowledge, "topics with their passages and questions, by source")
    knowledge.add_argument("--json", action="store_true")
    knowledge.add_argument("--knowledge", default=BUILT_IN, metavar="DIR", help="a folder, not the built-in domain")
    _add(kinds, "doctor", _doctor, "what this machine can run, and why").add_argument("--json", action="store_true")
    _add_work(kinds)
    return top


def _add(kinds: Any, name: str, carry_out: Callable[[argparse.Namespace], int],
         help_text: str) -> argparse.ArgumentParser:
    one: argparse.ArgumentParser = kinds.add_parser(name, help=help_text, description=help_text)
    one.set_defaults(carry_out=carry_out)
    return one


def _add_run(kinds: Any) -> None:
    run = _add(kinds, "run", _run, "queue a run and execute it in the foreground, with live progress")
    default = RunConfig()

    def option(name: str, kind: Callable[[str], Any], help_text: str, **more: Any) -> None:
        field = more.pop("field", name.replace("-", "_"))
        low_high = "" if field not in RANGES else " ({:g} to {:g})".format(*RANGES[field])
        run.add_argument(f"--{name}", dest=field, type=kind, default=None, help=help_text + low_high, **more)

    run.add_argument("--preset", default=default.preset, help=f"where the defaults come from: {', '.join(PRESETS)}")
    option("questions", int, "practice questions a cycle", metavar="N")
    option("cycles", int, "cycles", metavar="C")
    option("topics", _words, "topics, with commas between; all by default", metavar="A,B")
    option("held-out", int, "locked test questions from passages that are never trained", metavar="H")
    option("held-out-set", str, "share a named, locked held-out set between runs", metavar="NAME")
    option("paraphrases", int, "practised facts asked again in other words", metavar="N")
    option("new-topics", _words, "topics that are tested and never trained", metavar="A,B")
    option("new-topic-questions", int, "how many questions on them", metavar="N")
    option("knowledge", str, "a folder of Markdown, text, HTML or PDF instead of the built-in domain", metavar="DIR")
    option("knowledge-name", str, "what prompts call that domain", metavar="NAME")
    option("steps", int, "optimizer steps a cycle", metavar="S")
    run.add_argument("--no-finetune", dest="fine_tune", action="store_const", const=False, default=None,
                     help="measure the untrained student only")
    option("seed", int, "repeats a run exactly", metavar="X")
    option("learning-rate", float, "learning rate", metavar="R")
    option("batch-size", int, "training examples at once", metavar="N")
    option("lora-rank", int, "rank of the adapter", metavar="N")
    option("adapter", str, f"{' or '.join(ADAPTERS)}: train on from the cycle before, or anew")
    option("teacher", str, "knowledge-base (offline), or a model name at the endpoint", metavar="NAME")
    option("teacher-base-url", str, "an OpenAI-compatible endpoint", metavar="URL")
    option("max-cost-usd", float, "what the teacher may cost at list prices; then asking ends", metavar="USD")
    option("student", str, "embedded, a Hugging Face id, or a model folder", metavar="NAME")
    option("precision", str, ", ".join(PRECISIONS))
    option("max-new-tokens", int, "longest answer", metavar="N")
    option("temperature", float, "0 is greedy", metavar="T")
    option("headline", str, f"the metric that decides the verdict: {', '.join(HEADLINES)}")
    option("name", str, "what you call this run")
    run.add_argument("--json", action="store_true", help="print the result as one JSON object, last")


def _add_work(kinds: Any) -> None:
    """What the supervisor starts; not for people, so it has no line in the help."""
    work = kinds.add_parser("work")
    work.set_defaults(carry_out=_work)
    for name, kind in (("run", str), ("owner", str), ("fence", int), ("attempt", int)):
        work.add_argument(name, type=kind)


def _words(text: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in text.split(",") if word.strip())


def _run(options: argparse.Namespace) -> int:
    given = {key: value for key, value in vars(options).items()
             if value is not None and key not in ("preset", "json", "carry_out")}
    if options.knowledge:
        given = {"topics": ()} | given | {"knowledge": str(Path(options.knowledge).expanduser().absolute())}
    config, places = preset(options.preset, **given), locations()
    from runner.preflight import obstacles

    if found := obstacles(config, places):
        raise InvalidConfig(found)
    from runner.foreground import see_through

    store = open_store(places.store_url)
    return see_through(store, places, commands.launch(store, config, "command line"), options.json)


def _resume(options: argparse.Namespace) -> int:
    from runner.foreground import see_through

    places = locations()
    store = open_store(places.store_url)
    run = queries.run_named(store, options.run)
    if run is None:
        raise BadInput(f"no run {options.run!r}: list them with 'python -m runner status'")
    if run.work == "finished":
        raise BadInput(f"run {run.id} is finished: there is nothing to go on with")
    if not run.active:
        commands.command(store, "retry" if run.work == "failed" else "resume", run.id)
    return see_through(store, places, run.id, options.json)


def _command(kind: str) -> Callable[[argparse.Namespace], int]:
    def carry_out(options: argparse.Namespace) -> int:
        open_for_reading(locations().store_url).close()  # a command never makes a store
        commands.command(open_store(locations().store_url), kind, options.run)
        print(f"{kind}: asked for run {options.run}")
        return 0
    return carry_out


def _serve(options: argparse.Namespace) -> int:
    from runner.serve import serve

    places = locations()
    return serve(open_store(places.store_url), places)


def _demo(options: argparse.Namespace) -> int:
    from runner.demo import demo

    port, keep_serving = os.environ.get("PORT", "8501"), os.environ.get("SERVE", "1") != "0"
    if not port.isdecimal():
        raise BadInput(f"PORT {port!r} is not a port number")
    return demo(locations(), int(port), keep_serving or options.no_run, with_run=not options.no_run)


def _status(options: argparse.Namespace) -> int:
    from runner.status import show

    try:
        return show(open_for_reading(locations().store_url), options.json)
    except NoStoreYet:
        print("[]" if options.json else "no run yet: start one with 'python -m runner run'")
        return 0


def _knowledge(options: argparse.Namespace) -> int:
    from runner.status import show_knowledge

    try:
        return show_knowledge(options.json, options.knowledge)
    except (NoSuchFolder, NothingReadable) as error:
        raise BadInput(str(error)) from error


def _doctor(options: argparse.Namespace) -> int:
    from runner.doctor import examine

    return examine(locations(), options.json)


def _work(options: argparse.Namespace) -> int:
    end_with_parent(options.owner)
    from runner.worker import work  # late: nothing slow before the line above

    return work(Claim(options.run, options.owner, options.fence, options.attempt), locations())
