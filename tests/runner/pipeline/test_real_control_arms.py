"""Control arms with the real embedded student, trainer, retriever and judge, made small: minutes, so for test-all."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from store import queries
from store.control_arms import ARMS
from store.database import Store, open_for_reading

ROOT = Path(__file__).resolve().parents[3]
SMALL = ("--questions", "8", "--held-out", "12", "--steps", "20", "--max-new-tokens", "48", "--all-arms",
         "--learning-curve", "--general", "6")

pytestmark = [pytest.mark.slow]


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> tuple[Store, str, Path]:
    data = tmp_path_factory.mktemp("real arms")
    environment = {key: value for key, value in os.environ.items() if key != "STORE_URL"} | {"DATA_DIR": str(data)}
    done = subprocess.run([sys.executable, "-m", "runner", "run", *SMALL], cwd=ROOT, env=environment,
                          capture_output=True, text=True, timeout=1400)
    assert done.returncode == 0, done.stderr
    store = open_for_reading(f"sqlite:///{data / 'events.db'}")
    return store, queries.all_runs(store)[0].id, data


def test_a_placebo_does_not_come_out_as_improved_on_fact_recall(ran: tuple[Store, str, Path]) -> None:
    store, run, _ = ran
    row = next(row for row in queries.arm_changes_of(store, run)
               if (row.arm, row.against, row.metric) == ("placebo", "baseline", "fact_recall"))
    assert row.scored >= 10 and row.verdict in ("inconclusive", "no relevant change")


def test_the_placebo_learned_the_style_so_that_it_is_a_placebo_at_all(ran: tuple[Store, str, Path]) -> None:
    """Else the test above would say nothing: an adapter that did nothing is no control."""
    store, run, data = ran
    row = next(row for row in queries.arm_changes_of(store, run)
               if (row.arm, row.against, row.metric) == ("placebo", "baseline", "reference_nll"))
    assert row.change is not None and row.change < 0
    losses = [point.value for point in queries.series(store, run, "placebo_loss") if point.value is not None]
    assert len(losses) == 20 and sum(losses[-4:]) < sum(losses[:4])
    assert (data / "runs" / run / "cycle-01" / "placebo-adapter" / "adapter_model.safetensors").exists()


def test_every_arm_answered_and_retrieval_found_what_it_searched(ran: tuple[Store, str, Path]) -> None:
    store, run, _ = ran
    changes = {(row.arm, row.metric): row for row in queries.arm_changes_of(store, run) if row.against == "baseline"}
    assert all(changes[arm, "answer_similarity"].scored >= 10 for arm in ARMS)
    surprise = {arm: changes[arm, "reference_nll"].after or 9.0 for arm in ("few-shot", "retrieval")}
    assert surprise["retrieval"] < 1.5 < surprise["few-shot"]  # the reference stands in the prompt, or it does not
    found = [prompt for prompt in queries.arm_prompts_of(store, run) if prompt.arm == "retrieval"]
    assert sum(prompt.own_passage for prompt in found) >= 9 and not any(prompt.left_out for prompt in found)


def test_the_curve_falls_from_the_untrained_to_the_tuned_student(ran: tuple[Store, str, Path]) -> None:
    store, run, data = ran
    rows = [row for row in queries.curve_of(store, run) if row.metric == "reference_nll"]
    assert [row.step for row in rows] == [0, 5, 10, 20] and all(row.scored == 12 for row in rows)
    values = [row.value for row in rows if row.value is not None]
    assert values[0] > values[2] and values[0] > values[3]
    assert sorted(path.name for path in (data / "runs" / run / "cycle-01" / "adapter").glob("step-*")) == [
        "step-00005", "step-00010"]
