"""A run whose worker is killed with -9 in any stage resumes there, and ends with the same result."""

from __future__ import annotations

import dataclasses
import os
import subprocess
import sys
from pathlib import Path

import pytest

from runner.pipeline.pipeline import stages_for
from store import commands, queries
from store.control_arms import ARMS
from store.database import Store, integrity_faults, open_store
from store.event_log import leases
from store.event_log.journal import read_events
from store.events import StageFinished, StageStarted
from store.metrics import HEADLINE_TEST_METRICS
from store.run_config import RunConfig
from tests.plain_runs import plain_run

WORKER = Path(__file__).parents[1] / "worker_on_demand.py"
POINTS = ("before", "inside", "written")
PLAIN = plain_run(topics=("pods", "services", "jobs"), questions=6, held_out=6, cycles=1, steps=4)
EVERYTHING = dataclasses.replace(PLAIN, general=2, arms=tuple(ARMS), learning_curve=True)
STAGES = [row.stage for row in stages_for(PLAIN)]
MORE_STAGES = [row.stage for row in stages_for(EVERYTHING) if row not in stages_for(PLAIN)]


def launch(store: Store, config: RunConfig = PLAIN) -> str:
    return commands.launch_run(store, config, "test")


def attempt(store: Store, data: Path, run: str, kill_at: str = "") -> int:
    """One worker process; its claim is free again afterwards, as a supervisor would see to."""
    claim = leases.claim_next(store, leases.owner_name(), run)
    assert claim
    environment = os.environ | {"DATA_DIR": str(data), "STORE_URL": store.url, "KILL_AT": kill_at}
    done = subprocess.run([sys.executable, str(WORKER), run, claim.owner, str(claim.fence), str(claim.attempt)],
                          env=environment, capture_output=True, text=True, timeout=1700)
    if done.returncode not in (0, -9):
        pytest.fail(done.stderr)
    leases.release_dead_claims(store, lambda owner: owner == claim.owner)
    return done.returncode


def result(store: Store, run: str) -> object:
    """Return the results of a run without clock times."""
    answers = {a.question: (a.text, a.tier, a.reference, a.baseline, a.tuned, a.foils, dict(a.scores))
               for a in queries.answers_of(store, run, 1)}
    found = queries.find_run(store, run)
    assert found
    return found.work, found.verdict, found.sentence, answers, [
        (c.tier, c.metric, c.topic, c.change, c.low, c.high) for c in queries.changes_of(store, run)], [
        (c.arm, c.against, c.metric, c.change, c.low, c.high) for c in queries.arm_changes_of(store, run)], [
        (p.arm, p.question, p.text) for p in queries.arm_prompts_of(store, run)], [
        (c.cycle, c.step, c.metric, c.value) for c in queries.curve_of(store, run)]


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> object:
    data = tmp_path_factory.mktemp("undisturbed")
    store = open_store(f"sqlite:///{data / 'events.db'}")
    run = launch(store)
    assert attempt(store, data, run) == 0
    return result(store, run)


@pytest.mark.parametrize("point", [point if point == "inside" else pytest.param(point, marks=pytest.mark.slow)
                                   for point in POINTS])
def test_killed_once_in_every_stage_a_run_ends_as_if_undisturbed(tmp_path: Path, undisturbed: object,
                                                                 point: str) -> None:
    store = open_store(f"sqlite:///{tmp_path / 'events.db'}")
    run = launch(store)
    killable = [row.stage for row in stages_for(PLAIN) if point != "inside" or row.doer in ("student", "trainer")]
    for stage in killable:
        assert attempt(store, tmp_path, run, f"{stage}:{point}") == -9
    assert attempt(store, tmp_path, run) == 0
    assert result(store, run) == undisturbed
    events = read_events(store, run)
    assert [item.seq for item in events] == list(range(1, len(events) + 1))
    finished = [item.stage for item in events if isinstance(item.event, StageFinished)]
    assert sorted(finished) == sorted(STAGES)  # each exactly once: nothing finished was done again
    begun = [item.stage for item in events if isinstance(item.event, StageStarted)]
    assert all(begun.count(stage) == (1 if point == "written" or stage not in killable else 2) for stage in begun)
    assert not integrity_faults(store)


@pytest.mark.slow
@pytest.mark.parametrize("point", ["written", "before"])
def test_killed_once_in_every_stage_of_the_arms_a_run_ends_as_if_undisturbed(tmp_path: Path, point: str) -> None:
    whole = tmp_path / "undisturbed"
    whole.mkdir()
    other = open_store(f"sqlite:///{whole / 'events.db'}")
    undisturbed_run = launch(other, EVERYTHING)
    assert attempt(other, whole, undisturbed_run) == 0
    store = open_store(f"sqlite:///{tmp_path / 'events.db'}")
    run = launch(store, EVERYTHING)
    for stage in MORE_STAGES:
        assert attempt(store, tmp_path, run, f"{stage}:{point}") == -9
    assert attempt(store, tmp_path, run, "placebo-fine-tune:inside") == 0  # finished before: not trained again
    assert result(store, run) == result(other, undisturbed_run)
    finished = [item.stage for item in read_events(store, run) if isinstance(item.event, StageFinished)]
    assert sorted(finished) == sorted(STAGES + MORE_STAGES)


@pytest.mark.parametrize("stage", ["placebo-fine-tune",
                                   pytest.param("tuned-retrieval", marks=pytest.mark.slow)])
def test_an_arm_killed_half_way_goes_on_and_its_prompts_stay_the_same(tmp_path: Path, stage: str) -> None:
    store = open_store(f"sqlite:///{tmp_path / 'events.db'}")
    run = launch(store, EVERYTHING)
    assert attempt(store, tmp_path, run, f"{stage}:inside") == -9
    assert attempt(store, tmp_path, run) == 0
    finished = [item.stage for item in read_events(store, run) if isinstance(item.event, StageFinished)]
    assert sorted(finished) == sorted(STAGES + MORE_STAGES)
    incomplete = [(row.arm, row.against, row.metric, row.scored) for row in queries.arm_changes_of(store, run)
                  if "teacher" not in (row.arm, row.against) and row.metric not in HEADLINE_TEST_METRICS
                  and row.scored != 6]
    assert incomplete == []


@pytest.mark.parametrize("damage", ["torn", "altered", "gone"])
def test_a_damaged_checkpoint_is_noticed_and_its_stage_done_again(tmp_path: Path, undisturbed: object,
                                                                  damage: str) -> None:
    store = open_store(f"sqlite:///{tmp_path / 'events.db'}")
    run = launch(store)
    assert attempt(store, tmp_path, run, "tuned:before") == -9
    path = tmp_path / "runs" / run / "cycle-01" / "baseline.json"
    whole = path.read_text()
    if damage == "torn":
        path.write_text(whole[: len(whole) // 2])
    elif damage == "altered":
        path.write_text(whole.replace("I think", "I know"))
    else:
        path.unlink()
    assert attempt(store, tmp_path, run) == 0
    assert result(store, run) == undisturbed
    assert (path.with_name("baseline.json.set-aside").exists()) == (damage != "gone")


def test_an_adapter_that_was_altered_is_noticed_and_trained_again(tmp_path: Path, undisturbed: object) -> None:
    store = open_store(f"sqlite:///{tmp_path / 'events.db'}")
    run = launch(store)
    assert attempt(store, tmp_path, run, "tuned:before") == -9
    (weights,) = (tmp_path / "runs" / run / "cycle-01").rglob("adapter_model.safetensors")
    whole = weights.read_bytes()
    weights.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    assert attempt(store, tmp_path, run) == 0
    assert weights.read_bytes() == whole
    assert result(store, run) == undisturbed


def test_a_killed_answer_stage_keeps_the_batches_it_had(tmp_path: Path) -> None:
    store = open_store(f"sqlite:///{tmp_path / 'events.db'}")
    run = launch(store)
    assert attempt(store, tmp_path, run, "baseline:inside") == -9
    parts = tmp_path / "runs" / run / "cycle-01" / "baseline.parts.jsonl"
    assert len(parts.read_text().splitlines()) == 1 + 4  # the header and the first batch
    with parts.open("a") as file:
        file.write('{"question_id": "torn')
    assert attempt(store, tmp_path, run) == 0
    assert not parts.exists()
