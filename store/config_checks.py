"""Check a configuration: one sentence for every invalid value, with the way out."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from typing import Any

from knowledge.kubernetes.topics import BUILT_IN, unknown_topics
from store.config_metadata import choices_of, ranges_of
from store.control_arms import ARMS, PLACEBO, RETRIEVAL, TUNED_RETRIEVAL
from store.dev_split import dev_errors
from store.endpoint_address import address_errors
from store.metrics import JUDGE_METRICS
from store.run_config import (
    OFFLINE_TEACHER, TAUGHT, WRITTEN_STUDY, InvalidConfig, RunConfig, earlier_values,
)

_NO_EARLIER: Any = object()


def check(config: RunConfig) -> RunConfig:
    """Return the configuration unchanged if every value is valid.

    Raises:
        InvalidConfig: with one sentence for every invalid value, not only for the first.
    """
    errors = [*_topic_errors(config), *_arm_errors(config), *_judge_errors(config), *_recipe_errors(config),
              *_question_set_errors(config), *dev_errors(config)]
    if config.max_cost_usd is not None and not 0 < config.max_cost_usd < float("inf"):
        errors.append(f"max_cost_usd {config.max_cost_usd!r} is out of range: use an amount above 0")
    if not re.fullmatch(r"[A-Za-z0-9._-]{0,64}", config.held_out_set) or config.held_out_set.startswith("."):
        errors.append(f"held_out_set {config.held_out_set!r} is no name: use letters, digits, '-' and '_', up to 64")
    earlier = earlier_values(type(config))
    errors += range_errors({item.name: value for item in dataclasses.fields(config)
                            if (value := getattr(config, item.name)) != earlier.get(item.name, _NO_EARLIER)},
                           type(config))
    errors += [
        f"{field} {getattr(config, field)!r} is not one of {', '.join(allowed)}"
        for field, allowed in choices_of(type(config)).items() if getattr(config, field) not in allowed
    ]
    errors += [f"{field} is empty" for field in ("teacher", "student") if not getattr(config, field).strip()]
    if config.fine_tune and not config.target_modules:
        errors.append("target_modules is empty: fine-tuning has no layer to adapt")
    errors += [f"{field} {name!r} is no name of a model: it begins or ends with a blank, or holds a line break"
               for field in ("teacher", "judge") if (name := getattr(config, field)).strip()
               and (name != name.strip() or not name.isprintable())]
    errors += address_errors("teacher_base_url", config.teacher_base_url)
    errors += address_errors("student_server", config.student_server)
    if config.teacher_batch and config.teacher == OFFLINE_TEACHER and not config.judge:
        errors.append(f"teacher_batch with the teacher {OFFLINE_TEACHER!r}, which makes no calls: name a teacher at an "
                      "API, or leave --teacher-batch out")
    if errors:
        raise InvalidConfig(errors)
    return config


def range_errors(values: Mapping[str, Any], form: type[RunConfig] = RunConfig) -> list[str]:
    """Return a sentence for every number out of its range.

    A value of before its field existed may be out of range (`NO_MARGIN`). `check` accepts it, so that an earlier run
    stays valid; what a person enters for a new run is checked with this.
    """
    return [f"{field} {values[field]!r} is out of range: use {low:g} to {high:g}"
            for field, (low, high) in ranges_of(form).items()
            if values.get(field) is not None and not _in_range(values[field], low, high)]


def _topic_errors(config: RunConfig) -> list[str]:
    """Check the topics; names of a folder's topics are checked when the folder is read."""
    built_in = config.knowledge == BUILT_IN and not config.practice
    errors = unknown_topics((*config.topics, *config.new_topics)) if built_in else []
    if built_in and not config.topics:
        errors.append("no topics chosen: choose at least one")
    if len(set(config.topics)) < len(config.topics):
        errors.append("a topic is named twice")
    if both := sorted(set(config.topics) & set(config.new_topics)):
        errors.append(f"topics {', '.join(both)} are both trained and new: a new topic is never trained")
    if bool(config.new_topics) != bool(config.new_topic_questions):
        errors.append("new_topics and new_topic_questions go together: name the topics and how many questions")
    return errors


def _question_set_errors(config: RunConfig) -> list[str]:
    """Check that nothing is asked of the teacher that questions of people's own leave no room for."""
    errors = []
    if config.practice and config.paraphrases:
        errors.append("paraphrases with practice, whose facts the teacher does not reword: put the rewordings into the "
                      "test file")
    if (config.practice or config.test) and config.new_topic_questions:
        errors.append("new_topic_questions with questions of your own: put them into the test file")
    if (config.practice or config.test) and config.from_replies:
        errors.append("from_replies with questions of your own, which no teacher wrote: leave one of them out")
    return errors


def _arm_errors(config: RunConfig) -> list[str]:
    """Check that each control arm exists, and that the held-out test and the adapter it needs will exist."""
    errors = [f"unknown control arm {arm!r}: use {', '.join(ARMS)}" for arm in config.arms if arm not in ARMS]
    own_test = bool(config.test or config.practice)  # its file decides how many questions there are of each tier
    if (config.arms or config.learning_curve) and not config.held_out and not own_test:
        errors.append("control arms and the learning curve answer the held-out test: set held_out above 0")
    if not config.fine_tune:
        errors += [f"control arm {arm!r} needs fine-tuning, which is off" for arm in (TUNED_RETRIEVAL, PLACEBO)
                   if arm in config.arms]
        errors += ["the learning curve needs fine-tuning, which is off"] if config.learning_curve else []
    return errors


def _recipe_errors(config: RunConfig) -> list[str]:
    """Check that one value decides how long training lasts, and that the headline test has questions."""
    errors = []
    if config.passes is not None and config.minutes is not None:
        errors.append(f"passes {config.passes:g} and minutes {config.minutes:g} are both set: use one of steps, passes "
                      "and minutes")
    if config.fine_tune and config.study in WRITTEN_STUDY and config.teacher == OFFLINE_TEACHER:
        errors.append(f"study {config.study!r} with the teacher {OFFLINE_TEACHER!r}, which writes no wordings of its "
                      "own: name a teacher at an API, or use study 'rules'")
    if config.fine_tune and config.reading_share > 0:
        errors += _reading_errors(config)
    if config.headline_tier == TAUGHT and (config.held_out or config.fine_tune) and \
            not (config.taught_questions or config.paraphrases):
        errors.append("headline_tier 'paraphrase' needs taught_questions above 0, or use headline_tier 'held-out'")
    return errors


def _reading_errors(config: RunConfig) -> list[str]:
    errors = []
    if config.study == "off":
        errors.append(f"reading_share {config.reading_share:g} with study 'off', which has no study items: use study "
                      "'rules'")
    if not {RETRIEVAL, TUNED_RETRIEVAL} <= set(config.arms):
        errors.append(f"reading_share {config.reading_share:g} without the control arms {RETRIEVAL!r} and "
                      f"{TUNED_RETRIEVAL!r}: nothing would show whether it reads better; add --retrieval "
                      "--tuned-retrieval")
    return errors


def _judge_errors(config: RunConfig) -> list[str]:
    """Check the judge model's settings, and that a headline metric of a judge has a judge."""
    errors = [f"unknown judge metric {metric!r}: use {', '.join(JUDGE_METRICS)}" for metric in config.judge_metrics
              if metric not in JUDGE_METRICS]
    if config.judge and not config.judge_metrics:
        errors.append("judge_metrics is empty: name what the judge judges by, or leave the judge out")
    errors += address_errors("judge_base_url", config.judge_base_url)
    if config.judge_base_url and not config.judge.strip():
        errors.append("judge_base_url without a judge: name the model")
    if config.headline in JUDGE_METRICS and not (config.judge and config.headline in config.judge_metrics):
        errors.append(f"headline {config.headline!r} needs a judge model that judges by it")
    return errors


def _in_range(value: object, low: float, high: float) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and low <= value <= high
