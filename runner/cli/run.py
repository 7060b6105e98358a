"""`run`: queue a run and see it through in the foreground."""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from store import commands
from store.config import ADAPTERS, HEADLINES, PRECISIONS, PRESETS, RANGES, InvalidConfig, RunConfig, preset
from store.control_arms import ARMS, ordered_arms
from store.costs.judge_cost import estimate_of
from store.database import open_store
from store.metrics import JUDGE_METRICS, METRICS
from store.paths import default_paths


class _Option(NamedTuple):
    """One option that is a field of the configuration."""

    flag: str
    kind: Callable[[str], Any]
    text: str
    metavar: str | None = None


def _csv(text: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in text.split(",") if word.strip())


_STUDENT = "the student and its training"
_SECTIONS: dict[str, tuple[_Option, ...]] = {
    "what is taught and tested": (
        _Option("questions", int, "practice questions a cycle", "N"),
        _Option("cycles", int, "cycles", "C"),
        _Option("topics", _csv, "topics, with commas between; all by default", "A,B"),
        _Option("held-out", int, "locked test questions from passages that are never trained", "H"),
        _Option("held-out-set", str, "share a named, locked held-out set between runs", "NAME"),
        _Option("paraphrases", int, "practised facts asked again in other words", "N"),
        _Option("new-topics", _csv, "topics that are tested and never trained", "A,B"),
        _Option("new-topic-questions", int, "how many questions on them", "N"),
        _Option("general", int, "everyday questions that show what the student forgot", "N"),
        _Option("knowledge", str, "a folder of Markdown, text, HTML or PDF instead of the built-in domain", "DIR"),
        _Option("knowledge-name", str, "what prompts call that domain", "NAME")),
    _STUDENT: (
        _Option("student", str, "embedded, a Hugging Face id, or a model folder", "NAME"),
        _Option("precision", str, ", ".join(PRECISIONS)),
        _Option("steps", int, "optimizer steps a cycle", "S"),
        _Option("learning-rate", float, "learning rate", "R"),
        _Option("batch-size", int, "training examples at once", "N"),
        _Option("lora-rank", int, "rank of the adapter", "N"),
        _Option("adapter", str, f"{' or '.join(ADAPTERS)}: train on from the cycle before, or anew"),
        _Option("max-new-tokens", int, "longest answer", "N"),
        _Option("temperature", float, "0 is greedy", "T")),
    "the teacher": (
        _Option("teacher", str, "knowledge-base (offline), or a model name at the endpoint", "NAME"),
        _Option("teacher-base-url", str, "an OpenAI-compatible endpoint", "URL"),
        _Option("max-cost-usd", float, "what the teacher may cost at list prices; then asking ends", "USD")),
    "the verdict and the judge": (
        _Option("headline", str, f"the metric that decides the verdict: {', '.join(HEADLINES)}"),
        _Option("judge", str, "a judge model's name, for the metrics that only a language model can give", "NAME"),
        _Option("judge-base-url", str, "its OpenAI-compatible endpoint", "URL"),
        _Option("judge-metrics", _csv, f"what it judges by: {', '.join(JUDGE_METRICS)}; all by default", "A,B")),
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """One option a field of the configuration; what is not given is the preset's."""
    parser.add_argument("--preset", default=RunConfig().preset,
                        help=f"where the defaults come from: {', '.join(PRESETS)}")
    parser.add_argument("--name", metavar="NAME", help="what you call this run")
    parser.add_argument("--seed", type=int, metavar="X", help="repeats a run exactly" + _range("seed"))
    parser.add_argument("--set", dest="more", action="append", default=[], metavar="FIELD=VALUE",
                        help="any other value of the configuration, as JSON: --set top_p=0.9 (repeatable)")
    parser.add_argument("--json", action="store_true", help="print the result as one JSON object, last")
    groups = {title: parser.add_argument_group(title) for title in _SECTIONS}
    for title, section in _SECTIONS.items():
        for option in section:
            field = option.flag.replace("-", "_")
            groups[title].add_argument(f"--{option.flag}", dest=field, type=option.kind, default=None,
                                       metavar=option.metavar, help=option.text + _range(field))
    groups[_STUDENT].add_argument("--no-finetune", dest="fine_tune", action="store_const", const=False, default=None,
                                  help="measure the untrained student only")
    _arms(parser.add_argument_group("control arms: cheaper explanations of a gain, all off by default"))


def _range(field: str) -> str:
    return f" ({RANGES[field][0]:,} to {RANGES[field][1]:,})" if field in RANGES else ""


def _arms(group: argparse._ArgumentGroup) -> None:
    """A switch for each control arm, and the learning curve."""
    for arm in ARMS.values():
        group.add_argument(f"--{arm.flag}", dest="arms", action="append_const", const=arm.name, default=None,
                           help=f"{arm.how[0].lower()}{arm.how[1:].rstrip('.')}")
    group.add_argument("--all-arms", action="store_true", help="all of these")
    group.add_argument("--learning-curve", action="store_const", const=True, default=None,
                       help="weigh the held-out test after 25 and 50%% of each cycle's steps too")


def run(args: argparse.Namespace) -> int:
    """Check everything first, then queue the run and watch it."""
    config, paths = config_of(args), default_paths()
    from runner.pipeline.preflight import preflight_errors

    if found := preflight_errors(config, paths):
        raise InvalidConfig(found)
    from runner.cli.foreground import run_in_foreground
    from runner.cli.summary import power_of

    store = open_store(paths.store_url)
    power = power_of(store, config)
    told = [power.sentence(METRICS[config.headline].title)]
    told += [f"Reckoned from {', '.join(power.runs)}."] if power.runs else []
    told += [estimate.sentence()] if (estimate := estimate_of(config)) else []
    print(*told, sep="\n", file=sys.stderr if args.json else sys.stdout, flush=True)
    return run_in_foreground(store, paths, commands.launch_run(store, config, "command line"), args.json)


def config_of(args: argparse.Namespace) -> RunConfig:
    """The configuration that was typed, checked.

    Raises:
        InvalidConfig: with a sentence for everything that cannot be used.
    """
    fields = {field.name for field in dataclasses.fields(RunConfig)} - {"preset"}
    given = {key: value for key, value in vars(args).items() if value is not None and key in fields}
    given |= _parse_overrides(args.more, fields)
    if arms := ordered_arms(ARMS if args.all_arms else args.arms or ()):
        given["arms"] = arms
    if args.knowledge:
        given = {"topics": ()} | given | {"knowledge": str(Path(args.knowledge).expanduser().absolute())}
    return preset(args.preset, **given)


def _parse_overrides(typed: list[str], fields: set[str]) -> dict[str, Any]:
    """What `--set` names, each value as JSON, or as the text that it is."""
    wrong = [text for text in typed if text.partition("=")[0] not in fields]
    if wrong:
        raise InvalidConfig([f"--set {text!r} names no value of the configuration: use FIELD=VALUE with one of "
                             f"{', '.join(sorted(fields))}" for text in wrong])
    found: dict[str, Any] = {}
    for text in typed:
        field, _, value = text.partition("=")
        try:
            read = json.loads(value)
        except ValueError:
            read = value
        found[field] = tuple(read) if isinstance(read, list) else read
    return found
