"""A cycle releases the memory it used: five cycles end with as much as one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from runner import hardware
from runner.protocols import GenerationConfig, TrainingConfig, TrainingExample
from store.database import open_for_reading
from store.queries.memory import memory_by_stage
from store.run_config import DEFAULT_TARGET_MODULES
from tests.runner.tiny_models import llama_folder, phi_folder, student

ROOT = Path(__file__).resolve().parents[3]
QUESTIONS: list[Any] = [SimpleNamespace(id=str(at), text=f"What is Pod number {at}?") for at in range(4)]
EXAMPLES = [TrainingExample(question.text, "A group of containers.") for question in QUESTIONS]
DECODING = GenerationConfig(4, 0.0, 0.95, 50, 1.1, 60)
RECIPE = TrainingConfig(2, 1e-3, 2, 1, False, 8, 16, 0.05, DEFAULT_TARGET_MODULES, 64, 3)


def test_resident_memory_after_five_cycles_is_within_five_percent_of_after_the_first(tmp_path: Path) -> None:
    """The student is large enough for a copy kept each cycle to show."""
    tiny = student(llama_folder(tmp_path / "model", hidden=768), precision="fp32")
    size = tiny.loaded.parameters * 4
    pairs = [(example.question, example.answer) for example in EXAMPLES]
    resident, start = [], None
    for cycle in range(1, 6):
        watch = hardware.track_stage_memory()
        for adapter in (None, tmp_path / f"cycle-{cycle}"):
            if adapter:
                tiny.fine_tune(EXAMPLES, RECIPE, start, adapter, lambda step: None)
            list(tiny.answer(QUESTIONS, DECODING, 1, adapter))
            tiny.likelihoods(pairs, adapter)
            start = adapter
        resident.append(watch()["rss_bytes"])
    assert 4 * size > 0.05 * resident[0]
    assert resident[4] < 1.05 * resident[0], [round(value / 1e6) for value in resident]


@pytest.mark.slow
def test_the_embedded_cycle_peaks_under_two_and_a_half_gb_and_five_of_them_give_back(tmp_path: Path) -> None:
    environment = {key: value for key, value in os.environ.items() if key != "STORE_URL"} | {"DATA_DIR": str(tmp_path)}
    models = os.environ.get("TEST_MODELS_DIR")
    if models:
        (tmp_path / "models").symlink_to(models)
    done = subprocess.run(
        [sys.executable, "-m", "runner", "run", "--questions", "8", "--held-out", "8", "--steps", "4", "--cycles", "5",
         "--max-new-tokens", "32", "--json"], cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    run = json.loads(done.stdout.splitlines()[-1])["run"]
    stages = memory_by_stage(open_for_reading(f"sqlite:///{tmp_path / 'events.db'}"), run)
    assert max(stage.peak_bytes or 0 for stage in stages) < 2.5e9
    after = {stage.cycle: stage.after_bytes or 0 for stage in stages if stage.stage == "comparison"}
    assert after[5] < 1.05 * after[1]


_PACKS = """
import re, sys, threading, time
from pathlib import Path
import torch
from runner.student.models.hf_loader import load_model

def held(kind):
    return int(re.search(kind + r":\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) * 1024

load_model(sys.argv[1], "nf4", "cpu")  # so that late imports are done
for size in range(1, 32):  # allocate and free large blocks, as judging and answering do
    torch.empty(size * 2**20, dtype=torch.uint8).fill_(1)
before, most, packing = held("RssAnon"), [0], True

def watch():
    while packing:
        most[0] = max(most[0], held("RssAnon") - before)
        time.sleep(0.005)

threading.Thread(target=watch, daemon=True).start()
model = load_model(sys.argv[2], "nf4", "cpu").model
packing = False
print(most[0], held("RssFile"), sum(weight.numel() * weight.element_size() for weight in model.parameters()))
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="its allocator is what the test is about")
def test_packing_a_student_in_four_bits_takes_little_more_than_the_packed_weights(tmp_path: Path) -> None:
    small, large = phi_folder(tmp_path / "small"), phi_folder(tmp_path / "large", hidden=1024, layers=16)
    done = subprocess.run([sys.executable, "-c", _PACKS, str(small), str(large)], cwd=ROOT, capture_output=True,
                          text=True, check=False)
    assert done.returncode == 0, done.stderr
    most, from_files, packed = map(int, done.stdout.split())
    files = sum(path.stat().st_size for path in large.glob("*.safetensors"))
    assert most < packed + files / 4, (most, packed, files)
    assert from_files < files, (from_files, files)
