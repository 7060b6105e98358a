"""Plan the pilots of a run: three small runs of its configuration at growing sizes, from which it is forecast. Pure.

Each pilot draws its own questions and has a test of its own: their errors are independent, and the test of the run
itself stays unseen.
"""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Sequence

from store.config_checks import check
from store.files import sha256_of
from store.run_config import TAUGHT, InvalidConfig, RunConfig, to_json
from store.statistics import MIN_PILOTS
from store.sweep import SweepPlan

SMALLEST = 8
"""Training questions of the smallest pilot by default: a test on taught facts has at most one for each of them."""
FEWEST = 24
"""Training questions from which on a run can have pilots that cost less than itself."""


def pilot_sizes(config: RunConfig) -> tuple[int, ...]:
    """Return the default training questions per cycle of each pilot: the largest is a tenth of the run's, or 24.

    Raises:
        InvalidConfig: the run is too small.
    """
    total = config.questions * config.cycles
    if total < FEWEST:
        raise InvalidConfig([f"questions {config.questions} in {config.cycles} cycles: pilots of so small a run would "
                             f"cost as much as the run; from {FEWEST} training questions on there is a forecast"])
    largest = max(min(24, total // 2), total // 10)
    smallest = max(SMALLEST, largest // 4)
    totals = (smallest, round(math.sqrt(smallest * largest)), largest)
    return tuple(max(1, round(one / config.cycles)) for one in totals)


def sizes_from(text: str) -> tuple[int, ...]:
    """Read training questions per cycle, such as `12,24,48`.

    Raises:
        InvalidConfig: no such list.
    """
    if not re.fullmatch(r"\d{1,4}(,\d{1,4})*", text.replace(" ", "")):
        raise InvalidConfig([f"pilots {text!r} cannot be read: use training questions per cycle with commas between, "
                             "such as 12,24,48"])
    return tuple(int(word) for word in text.split(","))


def pilot_config(config: RunConfig, size: int, number: int) -> RunConfig:
    """Return the configuration of one pilot: what the headline metric does not depend on is left out.

    Args:
        config: the run's.
        size: training questions per cycle.
        number: from 1 on; each pilot has its own seed.
    """
    taught = config.headline_tier == TAUGHT
    keeps_arms = config.reading_share > 0  # which needs them
    held_out = min(config.held_out, SMALLEST) if taught else config.held_out
    name = f"{config.name or 'forecast'}: pilot of {size} questions"[:80]
    return check(dataclasses.replace(
        config, questions=size, seed=(config.seed + number) % 2**31, training_seed=None, held_out=held_out,
        held_out_set="", review=False, arms=config.arms if keeps_arms else (),
        learning_curve=False, dev_questions=0, hold_test=False,
        keep_best_step=False, early_stopping_patience=0,
        general=0, new_topics=(), new_topic_questions=0, name=name))


def plan_pilots(config: RunConfig, sizes: Sequence[int] | None = None, group: str = "") -> SweepPlan:
    """Return the pilots of a run as a plan, the smallest first.

    Args:
        config: the run's.
        sizes: training questions per cycle; None takes the default.
        group: name of the group; empty derives one from the configuration, so that it is always the same.

    Raises:
        InvalidConfig: fewer than three different sizes, a pilot as large as the run, or a run that makes no calls.
    """
    if config.from_replies:
        raise InvalidConfig([f"from_replies {config.from_replies!r} with a forecast: pilots ask other questions, to "
                             "which no replies are stored; forecast without it"])
    chosen = sorted(sizes or pilot_sizes(config))
    if len(set(chosen)) < max(MIN_PILOTS, len(chosen)):
        raise InvalidConfig([f"pilots {', '.join(map(str, chosen))}: use {MIN_PILOTS} or more different sizes"])
    if chosen[-1] >= config.questions:
        raise InvalidConfig([f"pilots {', '.join(map(str, chosen))}: the largest has as many questions per cycle as "
                             f"the run ({config.questions}), so it would cost as much as the run itself"])
    configs = [pilot_config(config, size, number) for number, size in enumerate(chosen, 1)]
    text = "\n".join(to_json(one) for one in (config, *configs))
    return SweepPlan(group or f"forecast-{sha256_of(text.encode())[:8]}", tuple(configs), {"questions": tuple(chosen)},
                     tuple(one.seed for one in configs), True)


def pilot_settings(config: RunConfig) -> RunConfig:
    """Return what all pilots of a run have in common: equal for pilots that belong together."""
    return dataclasses.replace(pilot_config(config, config.questions, 0), questions=1, seed=0, name="")
