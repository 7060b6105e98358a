"""200 A/A trainings: placebo against placebo with other seeds claims a difference in at most 5% of the comparisons."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.runner import tiny_models
from tests.runner.aa_trainings import a_test, placebo_examples, scores_after_training, spread_between_seeds, tally

TRAININGS = int(os.environ.get("AA_TRAININGS", "200"))
COMPARISONS = 200


@pytest.mark.slow
def test_placebo_against_placebo_claims_a_difference_in_at_most_5_percent(tmp_path: Path) -> None:
    student = tiny_models.student(tiny_models.llama_folder(tmp_path / "tiny", context=256))
    test, examples = a_test(), placebo_examples()
    trained = [scores_after_training(student, examples, test, seed, tmp_path / f"adapter-{seed}")
               for seed in range(TRAININGS)]
    for metric in ("reference_nll", "choice_accuracy"):
        scores = [one[metric] for one in trained]
        assert spread_between_seeds(scores) > 0, "every seed trained the same student"
        for seeds in (3, 5):
            found = tally(metric, scores, test.passages, seeds, COMPARISONS)
            print(f"\n{TRAININGS} trainings, groups of {seeds}, {len(test.passages)} questions; {found.sentence()}")
            assert found.claims <= 0.05 * found.comparisons, found.sentence()
