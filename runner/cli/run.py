"""`run`: queue a run and execute it in the foreground. Its options are the settings of the configuration."""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from knowledge.kubernetes.topics import BUILT_IN
from knowledge.sources import NoSuchDocuments, pin
from runner.cli.counts import count_of
from runner.cli.documents_notes import documents_notes
from runner.cli.question_files import with_question_files
from runner.cli.reading_progress import show_reading
from runner.errors import UserError
from runner.pipeline.documents_reader import DocumentsReader
from runner.service.devices import first_gpus
from store import commands
from store.analysis.training_note import training_note
from store.config_metadata import Setting, by_group, settings_of
from store.control_arms import ARMS, ordered_arms
from store.costs.judge_cost import estimate_of
from store.costs.model_shutdowns import shutdown_notes
from store.costs.prices import keep_team_prices
from store.costs.study_cost import estimate_facts
from store.database import Store, open_for_reading, open_store
from store.metrics import METRICS
from store.paths import Paths, default_paths
from store.program_name import NAME
from store.queries import find_run, last_training_speed
from store.sweep import takes_several, values_from
from store.run_config import CONTROL_ARMS, OFFLINE_TEACHER, InvalidConfig, RunConfig
from store.config_checks import check, range_errors
from store.presets import preset

MOST_GPUS = 16


def _csv(text: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in text.split(",") if word.strip())


def add_run_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the settings, and what repeats the run with other seeds."""
    add_arguments(parser)
    add_seed_arguments(parser, "queue the run once for each training seed, as a group with one test: how many (3), a "
                               "range (1-20) or a list (1,5,9)")
    parser.add_argument("--gpus", type=count_of("GPUs", MOST_GPUS), metavar="N",
                        help="train on N of this machine's GPUs, a process on each (default: on all that "
                             "CUDA_VISIBLE_DEVICES names)")
    parser.add_argument("--forecast", action="store_true",
                        help="execute three small pilots instead, forecast what the run will measure, and queue it "
                             "paused with its forecast: resume it, or cancel it")
    parser.add_argument("--pilots", default="", metavar="N,N,N",
                        help="with --forecast: training questions per cycle of each pilot")


def add_seed_arguments(parser: argparse.ArgumentParser, seeds: str) -> None:
    """Add the options of a group of runs: seeds, draws and the group's name."""
    parser.add_argument("--seeds", metavar="SEEDS", help=seeds)
    parser.add_argument("--seeds-draw", action="store_true",
                        help="with --seeds: each seed draws its own practice questions too")
    parser.add_argument("--group", default="", metavar="NAME",
                        help="name of the group; the same command and name continue it, and queue nothing twice")


def add_arguments(parser: argparse.ArgumentParser, form: type[RunConfig] = RunConfig, several: bool = False) -> None:
    """Add one option for each setting; a value that is not given is the preset's.

    Args:
        several: whether a setting takes several values, with commas between them; not one that is itself a list, nor
            a text that all runs of a group share.
    """
    parser.add_argument("--set", dest="more", action="append", default=[], metavar="FIELD=VALUE",
                        help="any setting, as JSON: --set top_p=0.9 (repeatable)")
    parser.add_argument("--prices", metavar="FILE", type=Path,
                        help="list prices of models as JSON, checked and kept in the data folder for all later runs")
    parser.add_argument("--json", action="store_true", help="print the result as one JSON object, last")
    for title, settings in by_group(settings_of(form)).items():
        group = parser.add_argument_group(title)
        for setting in settings:
            _add_option(group, setting, several and takes_several(setting))
        if title == CONTROL_ARMS:
            group.add_argument("--all-arms", action="store_true", help="All control arms.")
    parser.set_defaults(preset=form().preset)


def _add_option(group: argparse._ArgumentGroup, setting: Setting, several: bool) -> None:
    """Add the flag of a setting, or a flag for each of its values; nothing for what only `--set` gives."""
    for switch in setting.switches:
        group.add_argument(switch.flag, dest=setting.name, action="append_const", const=switch.value, default=None,
                           help=_escaped(switch.help))
    if setting.flag and setting.kind is bool:
        group.add_argument(setting.flag, dest=setting.name, action="store_const", const=not setting.default,
                           default=None, help=_escaped(setting.help))
    elif setting.flag:
        kind = _several(setting) if several else _csv if setting.kind is tuple else setting.kind
        group.add_argument(setting.flag, dest=setting.name, type=kind, default=None,
                           metavar=f"{setting.metavar}[,...]" if several else setting.metavar,
                           help=_escaped(setting.help + _allowed(setting)))


def _several(setting: Setting) -> Callable[[str], tuple[Any, ...]]:
    def values(text: str) -> tuple[Any, ...]:
        try:
            return values_from(setting, text)
        except InvalidConfig as error:
            raise argparse.ArgumentTypeError(str(error)) from None

    return values


def _allowed(setting: Setting) -> str:
    if setting.choices:
        return f" {'Any' if setting.kind is tuple else 'One'} of: {', '.join(setting.choices)}."
    return " ({:,} to {:,})".format(*setting.range) if setting.range else ""


def _escaped(text: str) -> str:
    """Help text with each percent sign doubled, because argparse formats it."""
    return text.replace("%", "%%")


def run(args: argparse.Namespace) -> int:
    """Check everything, then queue the run and follow it to its end."""
    if args.gpus:
        os.environ["CUDA_VISIBLE_DEVICES"] = first_gpus(args.gpus, os.environ)
    if args.forecast:
        if args.seeds:
            raise UserError("--forecast is about one run: leave --seeds out, or forecast one of its seeds")
        from runner.cli.forecast import run_with_pilots

        return run_with_pilots(args)
    if args.pilots:
        raise UserError("--pilots are those of a forecast: add --forecast, or leave it out")
    if args.seeds:
        from runner.cli.sweep import run_seeds

        return run_seeds(args)
    if args.group or args.seeds_draw:
        raise UserError(f"{'--group' if args.group else '--seeds-draw'} is about several runs: add --seeds, or leave "
                        "it out")
    config, paths = config_of(args), default_paths()
    documents = DocumentsReader(paths.documents, show_reading())
    check_before_launch([config], args.prices, paths, documents=documents)
    from runner.cli.foreground import run_in_foreground

    store = open_store(paths.store_url)
    print(*launch_notes(store, config, documents), sep="\n", file=sys.stderr if args.json else sys.stdout, flush=True)
    return run_in_foreground(store, paths, commands.launch_run(store, config, "command line"), args.json)


def check_before_launch(configs: Sequence[RunConfig], prices: Path | None, paths: Paths, runs: int = 1,
                        documents: DocumentsReader | None = None) -> None:
    """Keep the team's prices, if given, and refuse what would certainly fail.

    Args:
        configs: one for each kind of run.
        prices: a file of list prices; None keeps what there is.
        paths: where the runs' files will be.
        runs: how many runs are to be queued in all.
        documents: reads the documents; what it has read is not read again.

    Raises:
        InvalidConfig: with one sentence for every problem of any of the runs.
    """
    if prices:
        keep_team_prices(prices, paths)
    from runner.pipeline.preflight import preflight_errors

    reader = documents or DocumentsReader(paths.documents, show_reading())
    if found := list(dict.fromkeys(error for config in configs
                                   for error in preflight_errors(config, paths, runs, reader))):
        raise InvalidConfig(found)


def launch_notes(store: Store, config: RunConfig, documents: DocumentsReader | None = None) -> list[str]:
    """Return what a person should know before a run: shutdowns, power, length of training, the judge's cost."""
    from runner.cli.summary import power_of

    power = power_of(store, config)
    notes = [f"Note: {sentence}." for sentence in shutdown_notes(config)]
    notes += documents_notes(config, documents, store)
    notes += [power.sentence(METRICS[config.headline].title)]
    notes += [f"Estimated from {', '.join(power.runs)}."] if power.runs else []
    speed = last_training_speed(store, config.student, config.precision)
    notes += [note] if (note := training_note(config, speed)) else []
    notes += [estimate.sentence() for estimate in (estimate_facts(config), estimate_of(config)) if estimate]
    return notes


def config_of(args: argparse.Namespace, changes: Mapping[str, Any] | None = None) -> RunConfig:
    """Return the configuration that the arguments describe, validated.

    Args:
        changes: values of settings that stand in for those of the arguments.

    Raises:
        InvalidConfig: with one sentence for every invalid value.
    """
    fields = {setting.name for setting in settings_of(RunConfig)} - {"preset"}
    given = {key: value for key, value in vars(args).items() if value is not None and key in fields}
    given |= changes or {}
    if len(several := [f"--{name}" for name in ("steps", "passes", "minutes") if name in given]) > 1:
        raise InvalidConfig([f"{' and '.join(several)} both decide how long training lasts: use one of them"])
    given |= {name: value for name, value in parse_overrides(args.more, fields).items() if name not in (changes or {})}
    if arms := ordered_arms(ARMS if args.all_arms else args.arms or ()):
        given["arms"] = arms
    if args.knowledge and args.knowledge != BUILT_IN:
        given = {"topics": ()} | given | {"knowledge": _pinned(args.knowledge)}
    if args.practice or args.test:
        given = with_question_files(args, given)
    if args.from_replies:
        if errors := range_errors(given):
            raise InvalidConfig(errors)
        return check(dataclasses.replace(_repeated(args.from_replies), **given))
    return preset(args.preset, **given)


def _pinned(knowledge: str) -> str:
    """The documents' address: a folder's absolute path, or a commit or archive that is fetched now.

    Raises:
        UserError: they cannot be fetched.
    """
    try:
        return pin(knowledge, default_paths().documents, lambda line: print(line, file=sys.stderr, flush=True))
    except NoSuchDocuments as error:
        raise UserError(f"--knowledge {error}") from error


def _repeated(run: str) -> RunConfig:
    """The configuration of the run whose stored replies are to be used, without its name.

    Raises:
        UserError: there is no such run, or its teacher makes no calls.
    """
    found = find_run(open_for_reading(default_paths().store_url), run)
    if found is None:
        raise UserError(f"--from-replies {run!r}: no such run; `{NAME} status` lists them")
    if found.config.teacher == OFFLINE_TEACHER:
        raise UserError(f"--from-replies {run!r}: its teacher is the knowledge base itself, which makes no calls: "
                        "launch it again with the same seed")
    return dataclasses.replace(found.config, name="")


def parse_overrides(typed: list[str], fields: set[str]) -> dict[str, Any]:
    """Parse each `--set FIELD=VALUE`: the value is JSON, or else plain text."""
    unknown = [text for text in typed if text.partition("=")[0] not in fields]
    if unknown:
        raise InvalidConfig([f"--set {text!r} names no setting: use FIELD=VALUE with one of "
                             f"{', '.join(sorted(fields))}" for text in unknown])
    found: dict[str, Any] = {}
    for text in typed:
        field, _, value = text.partition("=")
        try:
            parsed = json.loads(value)
        except ValueError:
            parsed = value
        found[field] = tuple(parsed) if isinstance(parsed, list) else parsed
    return found
