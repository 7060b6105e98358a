"""The development split: questions beside the locked test that a run chooses its cycle on. Pure.

With one, the test is answered once, at the end of the run, by the chosen cycle's student alone. The test's score of a
cycle that was chosen by that very score looks better than it is; that of a cycle chosen on other questions does not.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from store.metrics import LIKELIHOOD_METRICS, METRICS

if TYPE_CHECKING:
    from store.events import EvaluationRecord
    from store.run_config import RunConfig

DEV = "dev"
"""Stored name of the tier."""


def dev_errors(config: RunConfig) -> list[str]:
    """Return what a configuration cannot have with a development split, or without one, a sentence each."""
    if not config.dev_questions:
        return _without_dev(config)
    errors = []
    if config.arms or config.learning_curve:
        errors.append("dev_questions with control arms or the learning curve: these ask the test more than once; run "
                      "them without dev_questions")
    if config.paraphrases:
        errors.append("dev_questions with paraphrases, which test every cycle: use taught_questions")
    if not config.fine_tune:
        errors.append("dev_questions without fine-tuning: there is no cycle to choose")
    return errors


def _without_dev(config: RunConfig) -> list[str]:
    errors = []
    if config.hold_test:
        errors.append("hold_test without dev_questions: nothing would choose the settings that answer the test")
    for name, asked in (("keep_best_step", config.keep_best_step),
                        ("early_stopping_patience", config.early_stopping_patience > 0)):
        if asked:
            errors.append(f"{name} without dev_questions: only the test itself could choose the step; set "
                          "dev_questions to 20 or more, or leave it out")
    return errors


def step_metric(headline: str) -> str:
    """Return the metric that chooses a training's step: the run's headline where it needs no answer, else the NLL."""
    return headline if headline in LIKELIHOOD_METRICS else "reference_nll"


def best_evaluation(found: Sequence[EvaluationRecord], metric: str) -> EvaluationRecord:
    """Return the best evaluation of a training: equal values go to the lower NLL, then to the earlier step.

    Without any score it is the last one.
    """
    scored = [one for one in found if one.value is not None]
    return max(scored, key=lambda one: (*_rank(one, metric), -one.step)) if scored else found[-1]


def evaluations_without_gain(found: Sequence[EvaluationRecord], metric: str) -> int:
    """Return how many evaluations in a row, up to the last one, were no better than the best before them."""
    scored = [one for one in found if one.value is not None]
    return len(scored) - 1 - scored.index(best_evaluation(scored, metric)) if scored else 0


def _rank(one: EvaluationRecord, metric: str) -> tuple[float, float]:
    nll = float("inf") if one.reference_nll is None else one.reference_nll
    return (one.value or 0.0) * METRICS[metric].better, -nll
