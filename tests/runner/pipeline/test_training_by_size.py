"""The recipe of study items by the student's size: chosen by name, and carried through a run with tiny models."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from store import commands, queries
from store.analysis.training_note import training_note
from store.database import open_store
from store.events import AdapterTrained, PassagesRetrieved, StudySetPrepared
from store.paths import Paths
from store.run_config import RANGES, RunConfig
from store.presets import preset
from store.training_defaults import CLASSES, UNKNOWN, billions_of, size_class
from tests.runner.tiny_models import llama_folder, phi_folder
from tests.runner.tiny_runs import carried_out


@pytest.mark.parametrize(("student", "rate", "rank", "batch", "passes"), [
    ("HuggingFaceTB/SmolLM2-135M-Instruct", 1.5e-3, 32, 8, 60), ("Qwen/Qwen2.5-0.5B", 8e-4, 32, 8, 40),
    ("microsoft/phi-2", 4e-4, 64, 16, 40), ("/models/qwen2.5-7b/", 2e-4, 64, 32, 30), ("our-model", 4e-4, 64, 16, 40)])
def test_a_students_size_decides_what_is_not_given(student: str, rate: float, rank: int, batch: int,
                                                   passes: float) -> None:
    config = preset("embedded", student=student)
    assert (config.learning_rate, config.lora_rank, config.lora_alpha, config.passes) == (rate, rank, 2 * rank, passes)
    assert config.batch_size * config.gradient_accumulation == batch
    assert preset("embedded", student=student, learning_rate=1e-3).learning_rate == 1e-3
    assert preset("embedded", student=student, study="off").lora_rank == 16


def test_the_embedded_student_is_its_own_class_and_no_name_is_the_middle_one() -> None:
    small, default = CLASSES[0].values, RunConfig()
    assert {name: getattr(default, name) for name in small} == small
    assert size_class("what") is UNKNOWN and billions_of("llama3.2:1b") == 1.0
    assert [one.up_to for one in CLASSES] == sorted(one.up_to for one in CLASSES)
    assert all(RANGES[name][0] <= value <= RANGES[name][1] for one in CLASSES for name, value in one.values.items())


def test_a_plan_for_a_student_that_was_never_trained_here_says_that_its_speed_is_assumed() -> None:
    note = training_note(preset("embedded", student="org/some-7B", questions=50), None)
    assert "presents its 50 facts" in note and "600 tokens/s, which is assumed for a small GPU and not measured" in note
    assert "assumed" not in training_note(preset("embedded", student="org/some-7B"), 250.0)
    assert "assumed" not in training_note(preset("embedded"), None)


@pytest.mark.parametrize(("make", "name", "batch"), [(llama_folder, "tiny-7b", 32), pytest.param(
    phi_folder, "phi-2", 16, marks=pytest.mark.slow)])
def test_a_tiny_student_goes_the_whole_path_of_its_size(tmp_path: Path, make: Callable[..., Path], name: str,
                                                        batch: int) -> None:
    paths = Paths(tmp_path, f"sqlite:///{tmp_path / 'events.db'}")
    store = open_store(paths.store_url)
    config = preset("embedded", student=str(make(tmp_path / name, context=2048)), precision="fp32", questions=3,
                    topics=("pods", "services"), held_out=6, passes=1.0, max_new_tokens=2, reading_share=0.5,
                    max_sequence_tokens=256, arms=("retrieval", "tuned+retrieval"))
    events = carried_out(store, commands.launch_run(store, config, "test"), paths)
    (prepared,) = [event for event in events if isinstance(event, StudySetPrepared)]
    (trained,) = [event for event in events if isinstance(event, AdapterTrained)]
    assert prepared.examples == batch * prepared.steps and trained.steps == prepared.steps == 1
    assert {"reading", "question", "document"} <= {form.form for form in prepared.forms}
    assert trained.cut + trained.left_out > 0  # 256 tokens of its vocabulary are few: counted and not silent
    assert any("reading items show fewer than 3 passages" in note for note in prepared.notes)
    assert any(isinstance(event, PassagesRetrieved) for event in events)
    run = queries.all_runs(store)[0]
    assert run.work == "finished" and any(row.arm == "tuned+retrieval" and row.against == "retrieval"
                                          for row in queries.arm_changes_of(store, run.id))
