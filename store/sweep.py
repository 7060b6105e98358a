"""Plan a group of runs from one base configuration, seeds and settings with several values. Pure: queues nothing.

All runs of a group answer one locked test. With the same `seed` they also ask the same practice questions, and differ
in `training_seed` alone; a setting that decides the test (`one_in_group`) has one value in all of them.
"""

from __future__ import annotations

import dataclasses
import itertools
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from store.config_metadata import Setting, settings_of
from store.files import sha256_of
from store.formatting import plural
from store.headline import taught_wanted
from store.program_name import NAME
from store.run_config import OFFLINE_TEACHER, TAUGHT, InvalidConfig, RunConfig, to_json
from store.config_checks import check
from store.statistics import MIN_SEEDS

MOST_RUNS = 500
"""The most runs of one plan."""
SEEDS = ("seed", "training_seed")
"""Settings in which runs may differ that are repetitions of each other."""
NOT_COMPARED = (*SEEDS, "name")
_KINDS: dict[type, str] = {int: "whole numbers", float: "numbers", bool: "on and off", str: "texts"}
_HOW_SEEDS = "use how many (3), a range (1-20) or a list (1,5,9)"


@dataclass(frozen=True)
class SweepPlan:
    """The runs of a group, in the order in which they are to be queued."""

    group: str
    configs: tuple[RunConfig, ...]
    varied: Mapping[str, tuple[Any, ...]]
    """Setting -> its values, for those with more than one; seeds are not among them."""
    seeds: tuple[int, ...]
    draws: bool
    """Whether each seed draws its own practice questions too."""

    def sentences(self) -> list[str]:
        """Describe what would be queued: counts, the test, what the interval covers, and what is paid."""
        first = self.configs[0]
        parts = [f"{name} {', '.join(map(shown, values))}" for name, values in self.varied.items()]
        parts.append(f"{plural(len(self.seeds), 'seed')} ({_ranges(self.seeds)})")
        lines = [f"{plural(len(self.configs), 'run')} in group {self.group}: {' x '.join(parts)}.",
                 f"One locked test for all of them: shared test set {first.held_out_set!r}, written by the first run.",
                 "Each seed draws its own practice questions and trains with its own training seed." if self.draws else
                 "All runs ask the same practice questions; the training seed differs."]
        if first.hold_test:
            lines.append("No run answers the test before the settings are chosen on the development questions: "
                         f"{NAME} choose {self.group}")
        return [*lines, seeds_sentence(len(self.seeds)), *self._paid()]

    def _paid(self) -> list[str]:
        first, lines = self.configs[0], []
        others = len(self.configs) - 1
        if first.teacher != OFFLINE_TEACHER and not first.from_replies:
            lines.append("Teacher calls: the test is paid for once, and the practice questions and references "
                         + (f"for each of {plural(len(self.seeds), 'seed')}." if self.draws else
                            f"once; {plural(others, 'further run')} use the stored replies."))
        if first.judge:
            lines.append("Judge calls: each run pays for its own fine-tuned answers, and equal baseline answers are "
                         f"paid for once: at most {len(self.configs)} times what is estimated for one run.")
        return lines


def seeds_sentence(seeds: int) -> str:
    """Say whether so many seeds are in an interval, and if not, what is missing."""
    if seeds >= MIN_SEEDS:
        return f"The interval is over questions and over training seeds ({seeds})."
    if seeds == 1:
        return ("The interval is over questions alone: what another training seed would give is not in it, because one "
                "training cannot show it.")
    return (f"The interval is over questions alone: {seeds} seeds are too few to estimate how far trainings differ; "
            f"from {MIN_SEEDS} on it is in the interval.")


def seeds_from(text: str, first: int) -> tuple[int, ...]:
    """Read seeds: `3` is three of them from `first` on, `1-20` a range, `1,5,9` a list.

    Raises:
        InvalidConfig: not such a text, none, too many, or one twice.
    """
    text = text.strip()
    if re.fullmatch(r"\d+", text):
        seeds = tuple(range(first, first + min(int(text), MOST_RUNS + 1)))
    elif re.fullmatch(r"\d+(-\d+)?(,\d+(-\d+)?)*", text):
        bounds = [tuple(map(int, part.split("-"))) for part in text.split(",")]
        seeds = tuple(seed for ends in bounds for seed in range(ends[0], min(ends[-1], ends[0] + MOST_RUNS) + 1))
    else:
        raise InvalidConfig([f"seeds {text!r} cannot be read: {_HOW_SEEDS}"])
    if not 1 <= len(seeds) <= MOST_RUNS:
        raise InvalidConfig([f"seeds {text!r} are {'none' if not seeds else 'too many'}: use 1 to {MOST_RUNS}"])
    if len(set(seeds)) < len(seeds):
        raise InvalidConfig([f"seeds {text!r} name a seed twice: {_HOW_SEEDS}"])
    return seeds


def values_from(setting: Setting, text: str) -> tuple[Any, ...]:
    """Read the values of one setting, with commas between them, or a JSON list.

    Raises:
        InvalidConfig: a value is not of the setting's kind.
    """
    try:
        parsed = json.loads(text)
    except ValueError:
        parsed = None
    words = parsed if isinstance(parsed, list) else [word.strip() for word in text.split(",") if word.strip()]
    try:
        return tuple(_value(setting, word) for word in words)
    except ValueError:
        example = ",".join(f"{bound:g}" for bound in setting.range) if setting.range else "on,off"
        raise InvalidConfig([f"{setting.name} {text!r} cannot be read: use {_KINDS[setting.kind]} with commas between, "
                             f"such as {example}"]) from None


def takes_several(setting: Setting) -> bool:
    """Whether several values of a setting can be told from one: not of a list, nor of a shared text such as a name."""
    return setting.kind is not tuple and not (setting.kind is str and setting.one_in_group)


def may_vary(setting: Setting) -> bool:
    """Whether runs of one group may differ in a setting."""
    return not setting.one_in_group and setting.name not in SEEDS and setting.kind is not tuple


def plan_runs(make: Callable[[Mapping[str, Any]], RunConfig], varied: Mapping[str, Sequence[Any]],
              seeds: Sequence[int], draws: bool = False, group: str = "") -> SweepPlan:
    """Return the plan of every combination of values with every seed.

    Args:
        make: returns the configuration with these settings changed, or raises InvalidConfig.
        varied: setting -> values; one value only is a plain setting.
        seeds: training seeds; with `draws` also the seeds of the practice questions.
        draws: whether each seed draws its own practice questions.
        group: name of the group and, unless one is configured, of its locked test; empty derives one from the plan, so
            that the same plan always has the same name.

    Raises:
        InvalidConfig: with one sentence for every invalid value of any run; or a plan with no run or too many.
    """
    settings = {setting.name: setting for setting in settings_of(RunConfig)}
    errors = [_fixed_sentence(settings[name]) for name, values in varied.items()
              if len(values) > 1 and not may_vary(settings[name])]
    errors += [f"{name} names a value twice: name each once" for name, values in varied.items()
               if len(set(values)) < len(values)]
    errors += [f"{name} has no value" for name, values in varied.items() if not values]
    if not re.fullmatch(r"([A-Za-z0-9_-][A-Za-z0-9._-]{0,63})?", group):
        errors.append(f"group {group!r} is no name: use letters, digits, '-' and '_', up to 64")
    count = len(seeds)
    for values in varied.values():
        count *= len(values)
    if count > MOST_RUNS:
        errors.append(f"this plan has {count:,} runs: use fewer values or seeds, up to {MOST_RUNS} runs")
    if errors:
        raise InvalidConfig(errors)
    points = [dict(zip(varied, values, strict=True)) for values in itertools.product(*varied.values())]
    configs = _made(make, points, seeds, draws)
    if any(config.review for config in configs):
        raise InvalidConfig(["review in a group, whose runs share one test: review a single run, export its sets with "
                             f"'{NAME} dataset export', and queue the group with them as --practice and "
                             "--test"])
    several = {name: tuple(values) for name, values in varied.items() if len(values) > 1}
    group = group or f"{'sweep' if several else 'seeds'}-{sha256_of(chr(10).join(map(to_json, configs)).encode())[:8]}"
    return SweepPlan(group, tuple(_pinned(configs, group, several)), several, tuple(seeds), draws)


def differing_shared_settings(one: RunConfig, other: RunConfig) -> list[str]:
    """Return the names of the settings that decide the test and differ between two configurations."""
    return [setting.name for setting in settings_of(RunConfig)
            if setting.one_in_group and setting.name not in ("name", "preset", "from_replies", "max_cost_usd")
            and getattr(one, setting.name) != getattr(other, setting.name)]


def without_seeds(config: RunConfig) -> RunConfig:
    """Return the configuration that all repetitions of a run have in common: equal for runs that differ in seeds."""
    return dataclasses.replace(config, seed=0, training_seed=None, name="")


def shown(value: object) -> str:
    """Return a setting's value as a person would write it."""
    return f"{value:g}" if isinstance(value, float) else str(value)


def _made(make: Callable[[Mapping[str, Any]], RunConfig], points: Sequence[Mapping[str, Any]], seeds: Sequence[int],
          draws: bool) -> list[RunConfig]:
    configs, errors = [], []
    for point, seed in itertools.product(points, seeds):
        try:
            configs.append(make(point | {"training_seed": seed} | ({"seed": seed} if draws else {})))
        except InvalidConfig as error:
            errors += error.errors
    if errors:
        raise InvalidConfig(list(dict.fromkeys(errors)))
    return configs


def _pinned(configs: Sequence[RunConfig], group: str, varied: Mapping[str, Sequence[Any]]) -> list[RunConfig]:
    """Give all runs the locked test, a test on facts that each of them teaches, and a name that tells them apart."""
    fewest = min(taught_wanted(config) - (config.dev_questions if config.headline_tier == TAUGHT else 0)
                 for config in configs)
    several = len({without_seeds(config) for config in configs}) > 1
    found = []
    for config in configs:
        told_apart = ", ".join([*(f"{name.replace('_', ' ')} {shown(getattr(config, name))}" for name in varied),
                                f"seed {config.seed_of_training}"])
        found.append(check(dataclasses.replace(
            config, held_out_set=config.held_out_set or group, name=f"{config.name or group}: {told_apart}"[:80],
            hold_test=several and config.dev_questions > 0,
            taught_questions=fewest if fewest > 0 else config.taught_questions)))
    return found


def _fixed_sentence(setting: Setting) -> str:
    flag = setting.flag or f"--set {setting.name}=VALUE"
    if setting.name in SEEDS:
        return f"{setting.name} cannot have several values here: use --seeds"
    if setting.kind is tuple:
        return f"{setting.name} is a list itself and cannot vary: give one list with {flag}"
    return (f"{setting.name} cannot vary within a group, whose runs share one test and its scoring: give one value "
            f"with {flag}, or queue one group for each")


def _value(setting: Setting, word: object) -> Any:
    """Convert one value.

    Raises:
        ValueError: it is not of the setting's kind.
    """
    if setting.kind is bool:
        known = {"on": True, "true": True, "off": False, "false": False}
        if str(word).lower() not in known:
            raise ValueError
        return known[str(word).lower()]
    if setting.kind is int and isinstance(word, float) and not word.is_integer():
        raise ValueError
    return setting.kind(word)


def _ranges(seeds: Sequence[int]) -> str:
    """Write seeds shortly: runs of consecutive ones as `1-20`."""
    parts: list[list[int]] = []
    for seed in seeds:
        if parts and seed == parts[-1][-1] + 1:
            parts[-1].append(seed)
        else:
            parts.append([seed])
    return ", ".join(str(part[0]) if len(part) == 1 else f"{part[0]}-{part[-1]}" for part in parts)
