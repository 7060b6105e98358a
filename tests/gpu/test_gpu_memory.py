"""On a real CUDA device: a Phi-2-shaped student in 4 bits answers and learns under the 3 GB cap."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from runner import hardware
from runner.hardware import GB
from runner.protocols import GenerationConfig, TrainingConfig, TrainingExample
from runner.student import open_student
from store.run_config import DEFAULT_TARGET_MODULES
from store.presets import preset
from tests.runner.tiny_models import phi_folder

pytestmark = [pytest.mark.gpu, pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here")]


def test_a_phi_shaped_student_in_four_bits_stays_under_the_cap(tmp_path: Path) -> None:
    machine = hardware.measure()
    if machine.gpu_free_bytes < hardware.GPU_BORDER_BYTES:
        pytest.skip("less than 4 GB of GPU memory is free")
    # Phi-2's width, heads and layers' names, 8 of its 32 layers: all of them would take minutes to make.
    folder = phi_folder(tmp_path / "phi", context=2048, hidden=2560, layers=8, heads=32)
    config = preset("phi-2", teacher="knowledge-base", student=str(folder))
    student = open_student(config, tmp_path)
    assert (student.info.device, student.info.precision) == ("cuda", "nf4")
    question: Any = SimpleNamespace(id="q", text="What is a Pod?")
    (answer,) = next(iter(student.answer([question], GenerationConfig(16, 0.8, 0.95, 50, 1.1, 60), 1, None)))
    assert answer.tokens > 0
    recipe = TrainingConfig(2, 2e-4, 1, 4, True, 16, 32, 0.05, DEFAULT_TARGET_MODULES, 1024, 1)
    trained = student.fine_tune([TrainingExample("What is a Pod?", "A group of containers. " * 40)], recipe, None,
                                tmp_path / "adapter", lambda step: None)
    assert "dense x 8" in trained.matched_modules and "fc2 x 8" in trained.matched_modules
    assert torch.cuda.max_memory_reserved() <= 3 * GB
