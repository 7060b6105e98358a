"""What a cycle took is given back: five cycles end where one did."""

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
from runner.roles import Decoding, Example, Recipe
from store.config import MISSION_TARGETS
from store.database import open_for_reading
from store.queries.memory import memory_by_stage
from tests.runner.tiny_models import llama_folder, student

ROOT = Path(__file__).resolve().parents[2]
QUESTIONS: list[Any] = [SimpleNamespace(id=str(at), text=f"What is Pod number {at}?") for at in range(4)]
EXAMPLES = [Example(question.text, "A group of containers.") for question in QUESTIONS]
DECODING = Decoding(4, 0.0, 0.95, 50, 1.1, 60)
RECIPE = Recipe(2, 1e-3, 2, 1, False, 8, 16, 0.05, MISSION_TARGETS, 64, 3)


def test_resident_memory_after_five_cycles_is_within_five_percent_of_after_the_first(tmp_path: Path) -> None:
    """The student is large enough for a copy kept each cycle to show."""
    tiny = student(llama_folder(tmp_path / "model", hidden=768), precision="fp32")
    size = tiny.loaded.parameters * 4
    pairs = [(example.question, example.answer) for example in EXAMPLES]
    resident, start = [], None
    for cycle in range(1, 6):
        watch = hardware.watch_stage()
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
@pytest.mark.timeout(1800)
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
