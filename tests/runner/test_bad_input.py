"""Invalid input ends in a clear message, and the recorded run stays correct."""

from __future__ import annotations

import errno
import json
import re
from pathlib import Path
from typing import Any

import pytest
import torch
from sqlalchemy import update
from safetensors.torch import load_file, save_file

from runner.pipeline.worker import execute_claimed_run
from runner.student import trainer
from runner.student.errors import ModelLoadFailed
from runner.student.inference import continuous_batching
from runner.student.lora import peft_adapter
from runner.student.models.hf_loader import load_model
from store import commands, queries
from store.database import open_store
from store.event_log import leases
from store.events import AdapterTrained, RecoveryTaken, RunFailed, StageFailed
from store.paths import Paths
from store.run_config import InvalidConfig
from store.schema import claims
from tests.runner import fakes
from tests.runner.tiny_models import llama_folder, phi_folder
from tests.runner.tiny_runs import carried_out, launched
from tests.plain_runs import plain_run


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return llama_folder(tmp_path_factory.mktemp("tiny"), context=512)


def of_kind(events: list[Any], kind: type[Any]) -> list[Any]:
    return [event for event in events if isinstance(event, kind)]


def test_code_that_comes_with_a_model_is_never_run(tmp_path: Path) -> None:
    folder = llama_folder(tmp_path / "model")
    told = json.loads((folder / "config.json").read_text())
    told |= {"model_type": "evil", "auto_map": {"AutoModelForCausalLM": "modeling_evil.Evil"}}
    (folder / "config.json").write_text(json.dumps(told))
    mark = tmp_path / "was-run"
    (folder / "modeling_evil.py").write_text(f"open({str(mark)!r}, 'w')")
    with pytest.raises(ModelLoadFailed, match=r"custom code \(modeling_evil\.Evil\).*never run"):
        load_model(str(folder), "fp32", "cpu")
    assert not mark.exists()


def test_pickled_weights_alone_fail_the_run_before_anything_is_asked_of_them(tmp_path: Path) -> None:
    folder = llama_folder(tmp_path / "model", context=512)
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    store, run, paths = launched(tmp_path, folder)
    events = carried_out(store, run, paths)
    (failed,) = of_kind(events, RunFailed)
    assert not of_kind(events, RecoveryTaken)  # nothing to wait for
    assert failed.kind == "model unusable" and "can run code when read" in failed.message and failed.advice


@pytest.mark.parametrize("make", [llama_folder, phi_folder], ids=["llama", "phi"])
def test_a_model_that_lacks_a_weight_fails_the_run_and_is_not_filled_up_with_random_numbers(
        tmp_path: Path, make: Any) -> None:
    folder = make(tmp_path / "model", context=512)
    weights = load_file(folder / "model.safetensors")
    lost = weights.pop("model.layers.1.self_attn.q_proj.weight")
    assert lost.numel()
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    store, run, paths = launched(tmp_path, folder)
    (failed,) = of_kind(carried_out(store, run, paths), RunFailed)
    assert failed.kind == "model unusable" and failed.advice
    assert re.search(r"lack 1 of its weights, model\.layers\.1\.self_attn\.q_proj\.weight", failed.message)


def test_a_configuration_with_a_value_of_the_wrong_type_is_named(tmp_path: Path) -> None:
    folder = llama_folder(tmp_path / "model")
    told = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(told | {"hidden_size": "wide"}))
    with pytest.raises(ModelLoadFailed, match=r"cannot be loaded: .*'hidden_size'.*expected int"):
        load_model(str(folder), "fp32", "cpu")


def test_a_context_too_small_for_the_question_is_a_missing_answer_with_its_reason(tmp_path: Path) -> None:
    store, run, paths = launched(tmp_path, llama_folder(tmp_path / "model", context=16), fine_tune=False)
    carried_out(store, run, paths)
    pairs = queries.answers_of(store, run, 1)
    assert pairs and all(pair.baseline is None for pair in pairs)
    assert {pair.baseline_missing for pair in pairs} == {"question longer than the student's context"}
    assert (queries.find_run(store, run) or pytest.fail()).work == "finished"


def test_a_loss_that_is_no_number_leaves_the_cycle_without_an_adapter(
        tmp_path: Path, tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = trainer.CompletionTrainer.compute_loss
    monkeypatch.setattr(trainer.CompletionTrainer, "compute_loss", lambda *given,
                        **more: real(*given, **more) * torch.nan)
    store, run, paths = launched(tmp_path, tiny)
    (failed,) = of_kind(carried_out(store, run, paths), StageFailed)
    assert failed.kind == "training failure" and "loss became nan at step 1" in failed.message
    (cycle,) = queries.cycles_of(store, run)
    assert (cycle.work, cycle.adapter, cycle.verdict) == ("no adapter", None, "not measured")
    assert all(pair.tuned is None and "nan" in (pair.tuned_missing or "") for pair in queries.answers_of(store, run, 1))


@pytest.mark.parametrize("steps", [0, -3])
def test_a_training_of_no_steps_is_refused_before_a_run_is_queued(steps: int) -> None:
    with pytest.raises(InvalidConfig, match=rf"steps {steps} is out of range: use 1 to"):
        plain_run(steps=steps)


def test_an_answer_that_never_stops_ends_at_the_time_limit_and_is_marked(
        tmp_path: Path, tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(continuous_batching, "sample_next_tokens", lambda logits, *_: torch.full((len(logits),), 40))
    now = iter(range(10**9))
    monkeypatch.setattr(continuous_batching.time, "monotonic", lambda: float(next(now)))  # a second for each look
    store, run, paths = launched(tmp_path, tiny, fine_tune=False, max_new_tokens=300, max_answer_seconds=20)
    carried_out(store, run, paths)
    pairs = queries.answers_of(store, run, 1)
    assert pairs and all(pair.baseline and pair.baseline_cut_off for pair in pairs)
    assert (queries.find_run(store, run) or pytest.fail()).work == "finished"


def test_a_disk_that_fills_while_the_adapter_is_saved_fails_the_run_and_leaves_no_adapter(
        tmp_path: Path, tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real, full = peft_adapter.replace_durably, [True]

    def replace(temporary: Path, path: Path) -> None:
        if full[0] and path.name == peft_adapter.WEIGHTS:
            raise OSError(errno.ENOSPC, "No space left on device", str(path))
        real(temporary, path)

    monkeypatch.setattr(peft_adapter, "replace_durably", replace)
    store, run, paths = launched(tmp_path, tiny)
    events = carried_out(store, run, paths)
    (failed,) = of_kind(events, RunFailed)
    assert failed.kind == "disk full" and "DATA_DIR" in failed.advice and of_kind(events, AdapterTrained) == []
    assert not (paths.run(run) / "cycle-01" / "adapter" / peft_adapter.WEIGHTS).exists()
    full[0] = False
    commands.change_run_state(store, "retry", run)
    carried_out(store, run, paths)
    assert queries.cycles_of(store, run)[0].work == "finished"


def test_an_adapter_for_another_base_leaves_the_cycle_honest_and_the_run_goes_on(tmp_path: Path, tiny: Path) -> None:
    """The first cycle's adapter is put in place of one that was trained on another model."""
    store, run, paths = launched(tmp_path, tiny, cycles=2, steps=2)
    other, other_run, other_places = launched(tmp_path / "other", phi_folder(tmp_path / "phi", context=512), steps=1)
    carried_out(other, other_run, other_places)
    foreign = other_places.run(other_run) / "cycle-01" / "adapter"
    real = trainer.fine_tune

    def with_foreign_start(*given: Any) -> Any:
        return real(*given[:4], foreign if given[4] else None, *given[5:])

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(trainer, "fine_tune", with_foreign_start)
        events = carried_out(store, run, paths)
    (failed,) = of_kind(events, StageFailed)
    assert failed.kind == "adapter unusable" and "does not fit this student" in failed.message
    assert str(foreign) in failed.message and "start fresh" in failed.message
    assert [cycle.work for cycle in queries.cycles_of(store, run)] == ["finished", "no adapter"]
    assert of_kind(events, RecoveryTaken) == []


def test_a_stop_request_that_nobody_understands_puts_the_run_aside(tmp_path: Path) -> None:
    paths = Paths(tmp_path, f"sqlite:///{tmp_path / 'events.db'}")
    store = open_store(paths.store_url)
    run = commands.launch_run(store, plain_run(topics=("pods", "jobs"), questions=3, held_out=3, steps=2),
                              "test")
    claim = leases.claim_next(store, leases.owner_name())
    assert claim
    with store.write() as connection:
        connection.execute(update(claims).values(stop_requested="'; DROP TABLE runs"))
    assert execute_claimed_run(claim, paths, fakes.fake_resources) == 0
    shown = queries.find_run(store, run)
    assert shown and (shown.work, shown.stop_requested) == ("paused", None)
    store.close()
