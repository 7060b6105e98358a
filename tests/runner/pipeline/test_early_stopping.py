"""The best step of a training is chosen on development questions, alone or with early stopping, and survives a kill."""

from __future__ import annotations

import json
import os
import re
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import fakes
import pytest

from runner.pipeline.early_stopping import evaluated_steps
from runner.pipeline.worker import execute_claimed_run
from runner.protocols import Likelihood
from store import commands, queries
from store.analysis.step_choice import step_sentences
from store.config_checks import check
from store.database import Store, open_store
from store.dev_split import DEV, best_evaluation, evaluations_without_gain, step_metric
from store.event_log import leases
from store.event_log.journal import read_events
from store.events import AdapterTrained, DevQuestionsSetApart, EvaluationRecord, RunFinished, StepChosen
from store.paths import Paths
from store.presets import preset
from store.report import as_html, as_json, gather
from store.report.pack_seal import seal_of
from store.report.verification import verify
from store.run_config import InvalidConfig

SETTINGS: dict[str, Any] = {"topics": ("pods", "services"), "questions": 8, "held_out": 4, "cycles": 1, "steps": 16,
                            "passes": None, "dev_questions": 6, "headline": "reference_nll", "keep_best_step": True}
BEST = 6


class BestAtStep(fakes.FakeStudent):
    """A student whose references are likeliest after step 6 of a training, and less the farther from it."""

    asked: ClassVar[list[tuple[str, list[str]]]] = []

    def likelihoods(self, pairs: Any, adapter: Path | None, on_scored: Any = lambda _so_far: None) -> list[Likelihood]:
        self._fail("likelihoods")
        step = re.search(r"step-(\d+)$", str(adapter or ""))
        known = 1.0 - abs(int(step[1]) - BEST) / 20 if step else 0.0
        self.asked.append((str(adapter or ""), [question for question, _ in pairs]))
        return [Likelihood(2.0 + fakes.digest(text) - known, 9) for _, text in pairs]


def launched(store: Store, **changes: Any) -> str:
    return commands.launch_run(store, preset("embedded", **SETTINGS | changes), "test")


def carried_out(store: Store, data: Path, fail: Callable[[str], None] = lambda _where: None) -> int:
    claim = leases.claim_next(store, leases.owner_name())

    def resources(*given: Any) -> Any:
        found = fakes.fake_resources(*given)
        found.open_student = lambda _rung: BestAtStep(fail)
        return found
    assert claim
    return execute_claimed_run(claim, Paths(data, store.url), resources)


def training_of(store: Store, run: str) -> AdapterTrained:
    return next(one.event for one in read_events(store, run) if isinstance(one.event, AdapterTrained))


def test_the_adapter_of_the_best_step_is_kept_and_answers_everything(store: Store, tmp_path: Path) -> None:
    BestAtStep.asked.clear()
    run = launched(store)
    assert carried_out(store, tmp_path) == 0
    trained = training_of(store, run)
    assert trained.chosen and trained.adapter == "cycle-01/adapter/step-00006"
    assert (trained.steps, trained.chosen.step, trained.chosen.of_steps, trained.chosen.stopped_early) == (
        16, BEST, 16, False)
    assert [one.step for one in trained.chosen.evaluations] == list(evaluated_steps(16)) == list(range(2, 17, 2))
    folder = Paths(tmp_path, store.url).run(run) / "cycle-01" / "adapter"
    assert [path.name for path in folder.iterdir()] == ["step-00006"]  # no other snapshot, no checkpoint

    apart = next(one.event for one in read_events(store, run) if isinstance(one.event, DevQuestionsSetApart))
    dev = {pair.text for pair in queries.answers_of(store, run, 0) if pair.tier == DEV}
    assert {one.text for one in apart.questions} == dev and len(dev) == 4
    while_training = [questions for adapter, questions in BestAtStep.asked[:-1]
                      if adapter and not adapter.endswith("step-00006")]
    assert while_training and {question for questions in while_training for question in questions} <= dev
    (cycle,) = queries.cycles_of(store, run)
    assert step_sentences([cycle])[0].startswith(
        "Cycle 1 kept step 6 of 16, the best of 8 evaluations on the development questions by reference NLL (")
    assert any(one.event.verdict for one in read_events(store, run) if isinstance(one.event, RunFinished))


def test_patience_ends_the_training_early_with_the_best_step(store: Store, tmp_path: Path) -> None:
    run = launched(store, keep_best_step=False, early_stopping_patience=2)
    assert carried_out(store, tmp_path) == 0
    trained = training_of(store, run)
    assert trained.chosen and [one.step for one in trained.chosen.evaluations] == [2, 4, 6, 8, 10]
    assert (trained.steps, trained.chosen.step, trained.chosen.stopped_early) == (10, BEST, True)
    assert step_sentences(queries.cycles_of(store, run))[0].endswith("; training stopped early after step 10.")


@pytest.mark.parametrize("patience", [0, 2])
def test_killed_at_any_evaluation_it_goes_on_to_the_same_choice(tmp_path: Path, patience: int) -> None:
    def executed(data: Path, kill_at: tuple[int, ...]) -> AdapterTrained:
        data.mkdir()
        url = f"sqlite:///{data / 'events.db'}"
        store = open_store(url)
        run = launched(store, early_stopping_patience=patience)
        for killed in (*kill_at, 0):
            store.close()
            if (pid := os.fork()) == 0:
                os._exit(_child(url, data, killed))
            assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == (-signal.SIGKILL if killed else 0)
            store = open_store(url)
            leases.release_dead_claims(store, lambda owner: True)
        return training_of(store, run)

    whole, killed = executed(tmp_path / "whole", ()), executed(tmp_path / "killed", (2, 3))
    assert killed.chosen == whole.chosen and killed.sha256 == whole.sha256 and killed.steps == whole.steps


def _child(url: str, data: Path, killed: int) -> int:
    """Execute the run; kill this process at an evaluation of a snapshot, counted from 1 (0: never)."""
    seen = []

    class Killed(BestAtStep):
        def likelihoods(self, pairs: Any, adapter: Path | None, on_scored: Any = None) -> list[Likelihood]:
            seen.append(adapter) if adapter else None
            if killed and len(seen) == killed:
                os.kill(os.getpid(), signal.SIGKILL)
            return super().likelihoods(pairs, adapter)

    def resources(*given: Any) -> Any:
        found = fakes.fake_resources(*given)
        found.open_student = lambda _rung: Killed()
        return found
    claim = leases.claim_next(open_store(url), leases.owner_name())
    assert claim
    return execute_claimed_run(claim, Paths(data, url), resources)


def test_its_pack_says_so_and_another_step_is_refused(store: Store, tmp_path: Path) -> None:
    run = launched(store)
    assert carried_out(store, tmp_path) == 0
    evidence = gather(store, run)
    assert evidence and "Cycle 1 kept step 6 of 16" in as_html(evidence)
    text = as_json(evidence)
    assert verify(text).differences == ()
    pack = json.loads(text)
    pack["cycles"][0]["training"]["chosen"]["step"] = 8
    pack["seal"] = seal_of({key: value for key, value in pack.items() if key != "seal"}, None)
    found = verify(json.dumps(pack))
    assert any("step of cycle 1" in difference for difference in found.differences)


@pytest.mark.parametrize("setting", [{"keep_best_step": True}, {"early_stopping_patience": 3}])
def test_without_development_questions_it_is_refused_with_the_way_out(setting: dict[str, Any]) -> None:
    with pytest.raises(InvalidConfig, match=f"{next(iter(setting))} without dev_questions: only the test itself could "
                                            "choose the step; set dev_questions to 20 or more, or leave it out"):
        preset("embedded", **setting)
    assert check(preset("embedded", dev_questions=20, **setting)).chooses_step


def test_equal_scores_go_to_the_lower_loss_and_then_to_the_earlier_step() -> None:
    def at(step: int, value: float | None, nll: float | None) -> EvaluationRecord:
        return EvaluationRecord(step, value, nll, 4 if value is not None else 0)
    assert best_evaluation([at(2, 0.5, 2.0), at(4, 0.75, 2.2), at(6, 0.75, 2.1), at(8, 0.75, 2.1)],
                           "choice_accuracy").step == 6
    assert best_evaluation([at(2, 2.0, 2.0), at(4, 1.5, 1.5), at(6, 1.6, 1.6)], "reference_nll").step == 4
    assert best_evaluation([at(2, None, None), at(4, None, None)], "choice_accuracy").step == 4
    assert evaluations_without_gain([at(2, 0.5, 2.0), at(4, 0.5, 2.0), at(6, 0.4, 1.0)], "choice_accuracy") == 2
    assert evaluations_without_gain([at(2, None, None)], "choice_accuracy") == 0
    assert (step_metric("fact_recall"), step_metric("choice_accuracy")) == ("reference_nll", "choice_accuracy")


def test_a_short_training_is_scored_after_each_of_its_steps_once() -> None:
    assert evaluated_steps(1) == (1,) and evaluated_steps(3) == (1, 2, 3)
    assert len(evaluated_steps(100)) == 8 and evaluated_steps(100)[-1] == 100


def test_where_no_development_question_asks_about_what_was_taught_the_last_step_is_kept() -> None:
    nothing = tuple(EvaluationRecord(step, None, None, 0) for step in (2, 4))
    chosen = StepChosen(best_evaluation(nothing, "reference_nll").step, 4, "reference_nll", False, nothing)
    assert chosen.step == 4
