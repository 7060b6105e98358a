"""The shape of the house, held by tests: imports run one way, each library has one door, the cycle is sound."""

from __future__ import annotations

import ast
import functools
import subprocess
import sys
from pathlib import Path

import pytest

from knowledge.python_source_parser import parse_source
from runner.pipeline.pipeline import (
    EVERY_CYCLE, HELD_OUT_ARTIFACTS, PIPELINE, RUN_STARTS, TRAINING_STAGES, inputs_of, stages_for, steps,
)
from store.control_arms import ARMS
from store.run_config import RunConfig

ROOT = Path(__file__).resolve().parents[1]
DOORS = {
    "transformers": {"runner/student/models/hf_loader.py", "runner/student/chat_endpoint.py"},  # models, and its server
    "huggingface_hub": {"runner/student/models/hub.py", "runner/student/models/hub_upload.py"},
    "peft": {"runner/student/lora/peft_adapter.py"},
    "trl": {"runner/student/trainer.py"},
    "ragas": {"runner/judge/ragas_metrics.py"},
    "openai": {"runner/llm/openai_client.py"},
    "fcntl": {"store/file_locks.py"},
    "mlflow": {"runner/export/mlflow_tracker.py"},
    "trackio": {"runner/export/trackio_tracker.py"},
    "opentelemetry": {"runner/export/otel_tracker.py"},
    "ray": {f"runner/service/on_ray/{name}.py" for name in ("cluster", "launcher", "node_actor", "job", "checks")},
    "apscheduler": {"runner/service/serve.py",
                    "store/commands/recurrence.py"},  # the scheduler, and its triggers as a calendar
}
EVERYTHING = RunConfig(cycles=2, general=6, dev_questions=4, keep_best_step=True, arms=tuple(ARMS),
                       learning_curve=True, study="both", review=True)
OTHER_ENVIRONMENTS = "runner/export/engine_scripts/"
"""Scripts that run in environments of their own."""
TORCH_ROOMS = ("runner/student/", "runner/judge/sentence_encoder.py", "runner/hardware/", OTHER_ENVIRONMENTS)


@functools.cache
def sources() -> tuple[tuple[str, ast.Module], ...]:
    """Path and syntax tree of every file of the product."""
    return tuple((str(path.relative_to(ROOT)), parse_source(path.read_text(encoding="utf-8")))
                 for room in ("knowledge", "store", "runner", "dashboard")
                 for path in sorted((ROOT / room).rglob("*.py")))


@functools.cache
def imported() -> dict[str, set[str]]:
    """Path of every file of the product -> top-level packages that it imports, late imports included."""
    found = {}
    for path, tree in sources():
        nodes = list(ast.walk(tree))
        names = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
        names |= {node.module for node in nodes if isinstance(node, ast.ImportFrom) and node.module}
        found[path] = {name.partition(".")[0] for name in names}
    return found


def test_imports_run_in_one_direction() -> None:
    done = subprocess.run([Path(sys.executable).with_name("lint-imports")], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("library", DOORS)
def test_each_library_has_one_door(library: str) -> None:
    assert {path for path, packages in imported().items()
            if library in packages and not path.startswith(OTHER_ENVIRONMENTS)} == DOORS[library]


def test_torch_stays_in_its_rooms() -> None:
    assert [path for path, packages in imported().items()
            if "torch" in packages and not path.startswith(TORCH_ROOMS)] == []


def test_no_room_is_a_drawer_for_everything() -> None:
    drawers = {"utils", "helpers", "common", "base", "manager"}
    assert [path for path, _ in sources() if drawers & set(path.removesuffix(".py").split("/"))] == []
    rooms = {"knowledge", "store", "runner", "data", "tests"}
    assert not {path.stem for path in (ROOT / "dashboard").iterdir()} & rooms


def test_no_module_of_the_dashboard_has_the_name_of_a_standard_library_module() -> None:
    """Streamlit puts the folder of its script first on `sys.path`, so such a module would be imported instead."""
    modules = [path for path in (ROOT / "dashboard").rglob("*") if path.suffix == ".py" or path.is_dir()]
    assert [str(path.relative_to(ROOT)) for path in modules if path.stem in sys.stdlib_module_names] == []


def test_there_is_one_broad_except() -> None:
    broad = [f"{path}:{node.lineno}" for path, tree in sources() for node in ast.walk(tree)
             if isinstance(node, ast.ExceptHandler)
             and (node.type is None or (isinstance(node.type, ast.Name)
                                        and node.type.id in ("Exception", "BaseException")))]
    assert [place.partition(":")[0] for place in broad] == ["runner/pipeline/executor.py"], broad


@pytest.mark.parametrize("config", [RunConfig(), RunConfig(cycles=3), RunConfig(cycles=3, general=6), EVERYTHING,
                                    *(RunConfig(arms=(arm,)) for arm in ARMS)])
def test_every_artifact_is_written_before_it_is_read(config: RunConfig) -> None:
    written: set[tuple[str, int]] = set()
    for step in steps(config):
        missing = set(inputs_of(step, config).values()) - written
        assert not missing, f"{step.row.stage} of cycle {step.cycle} reads {missing} before it is there"
        written.add((step.row.stage, step.cycle))


def test_no_training_stage_reads_what_is_held_out() -> None:
    """Neither itself nor through what it reads, but for the check that nothing trained nearly repeats the test.

    The stage `study` also reads scores, of training questions alone: tests/runner/pipeline/test_study.py.
    """
    for row in PIPELINE:
        if row.stage in TRAINING_STAGES:
            assert not {read.partition("@")[0] for read in row.reads} & HELD_OUT_ARTIFACTS
    assert {"held-out", "general", "held-out-baseline", "tuned", "retrieve", "few-shot"} <= HELD_OUT_ARTIFACTS
    assert {*TRAINING_STAGES, "study"} == {row.stage for row in PIPELINE if row.doer == "trainer"}


def test_the_table_is_whole_in_a_run_that_asks_for_everything_and_short_in_one_that_asks_for_nothing() -> None:
    assert stages_for(EVERYTHING) == PIPELINE
    left_out = {row.stage for row in PIPELINE} - {row.stage for row in stages_for(RunConfig())}
    assert left_out == {"test-drafts", "practice-drafts", "review",
                        "general", "facts", "learning-curve", "teacher-answers", "retrieve", "few-shot", "retrieval",
                        "tuned-retrieval", "placebo-fine-tune", "placebo", "arms-evaluation", "arms-comparison",
                        "dev-questions", "choice", "test-answers", "test-evaluation", "test-comparison"}


def test_the_table_is_in_the_order_of_the_phases() -> None:
    phases = list(dict.fromkeys(row.phase for row in PIPELINE))
    assert phases[:2] == [RUN_STARTS, EVERY_CYCLE] and len({row.stage for row in PIPELINE}) == len(PIPELINE)
