"""The sentences of a verdict where no score changed: scores in nats get no interval that was made for shares."""

from __future__ import annotations

from typing import Any

import pytest

from runner.pipeline.stages.compare import Scores, verdict_on
from store.events import QuestionRecord
from store.run_config import TAUGHT
from tests.plain_runs import plain_run

COUNT = 12


def sentence(headline: str, **settings: Any) -> str:
    """The sentence on a student whose scores are those of the untrained one."""
    asked = [QuestionRecord(f"{tier}-{at}", tier, "pods", "?", f"{tier} {at}", "", "", "", "", ())
             for tier in (TAUGHT, "held-out") for at in range(COUNT)]
    scores: Scores = {(arm, one.question_id, metric): 0.5 for arm in ("baseline", "tuned") for one in asked
                      for metric in ("choice_accuracy", "reference_nll")}
    return verdict_on(TAUGHT, asked, plain_run(headline=headline, **settings), scores, None)[1]


@pytest.mark.parametrize("settings", [{}, {"margin": 0.1}])
def test_a_verdict_on_identical_losses_has_no_interval(settings: dict[str, Any]) -> None:
    said = sentence("reference_nll", **settings)
    assert f"(+0.00, identical scores, n = {COUNT})" in said and "no score changed, as expected" in said
    assert "95% interval" not in said and "lies within" not in said


def test_the_secondary_finding_on_identical_losses_has_none_either() -> None:
    verdict, secondary = sentence("choice_accuracy").split("Secondary: ")
    assert "95% interval" in verdict, "a share changes by 1 at most, which bounds it"
    assert secondary.startswith("reference NLL") and secondary.endswith("0.50 to 0.50 (+0.00, identical scores).")
