"""Phi-2's own traits, on a small randomly initialised model of its architecture with its module names."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from runner.protocols import GenerationConfig, TrainingConfig, TrainingExample
from runner.student.inference import continuous_batching
from runner.student.local_student import LocalStudent
from runner.student.prompt_template import prompt_ids
from store.run_config import DEFAULT_TARGET_MODULES
from tests.runner.tiny_models import phi_folder, student

DECODING = GenerationConfig(500, 0.0, 0.95, 50, 1.1, 60)
RECIPE = TrainingConfig(2, 1e-2, 2, 1, False, 4, 8, 0.0, DEFAULT_TARGET_MODULES, 64, 3)
EXAMPLES = [TrainingExample("What is a Pod?", "A group of containers."), TrainingExample("Why?", "So.")]
QUESTION: Any = SimpleNamespace(id="q", text="What is a Pod?")


@pytest.fixture
def phi(tmp_path: Path) -> LocalStudent:
    return student(phi_folder(tmp_path / "phi"))


def test_training_wraps_all_six_layers_and_resizes_nothing(phi: LocalStudent, tmp_path: Path) -> None:
    rows = phi.loaded.model.get_input_embeddings().weight.shape[0]
    trained = phi.fine_tune(EXAMPLES, RECIPE, None, tmp_path / "to", lambda step: None)
    assert sorted(trained.matched_modules) == ["dense x 2", "fc1 x 2", "fc2 x 2", "k_proj x 2", "q_proj x 2",
                                               "v_proj x 2"]
    assert set(trained.unmatched_targets) == {"o_proj", "gate_proj", "up_proj", "down_proj"}
    assert phi.loaded.model.get_input_embeddings().weight.shape[0] == rows == len(phi.loaded.hf_tokenizer) + 17
    assert phi.loaded.model.get_output_embeddings().weight.shape[0] == rows


def test_the_context_is_shared_with_the_answer(phi: LocalStudent, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(continuous_batching, "sample_next_tokens", lambda logits, *_: torch.full((len(logits),), 40))
    (answer,) = next(iter(phi.answer([QUESTION], DECODING, 1, None)))
    prompt = len(prompt_ids(phi.loaded.hf_tokenizer, phi.template, QUESTION.text))
    assert answer.tokens == 128 - prompt and answer.cut_off  # not the 500 that were asked for


@pytest.mark.parametrize("tuned", [False, True], ids=["baseline", "tuned"])
def test_stop_strings_end_baseline_and_tuned_answers_alike(phi: LocalStudent, tmp_path: Path, tuned: bool,
                                                           monkeypatch: pytest.MonkeyPatch) -> None:
    adapter = None
    if tuned:
        adapter = tmp_path / "to"
        phi.fine_tune(EXAMPLES, RECIPE, None, adapter, lambda step: None)
    script = iter(phi.loaded.hf_tokenizer(" A group.\nInstruct: And then?")["input_ids"])
    monkeypatch.setattr(continuous_batching, "sample_next_tokens", lambda logits, *_: torch.tensor([next(script)]))
    (answer,) = next(iter(phi.answer([QUESTION], DECODING, 1, adapter)))
    assert answer.text == "A group." and not answer.cut_off
    assert answer.seconds > 0 and answer.tokens > 0


def test_what_is_streamed_never_shows_a_stop_string(phi: LocalStudent, monkeypatch: pytest.MonkeyPatch) -> None:
    script = iter(phi.loaded.hf_tokenizer(" A group.\nInstruct: And then?")["input_ids"])
    monkeypatch.setattr(continuous_batching, "sample_next_tokens", lambda logits, *_: torch.tensor([next(script)]))
    pieces = list(phi.stream(QUESTION.text, DECODING, 1, None))
    assert "".join(pieces) == "A group." and len([piece for piece in pieces if piece]) > 1


def test_the_end_of_text_token_is_learned_though_it_is_the_pad_token(phi: LocalStudent, tmp_path: Path) -> None:
    """Trained on one short answer, the student comes to end it by itself."""
    assert phi.loaded.hf_tokenizer.pad_token_id == phi.template.end_id
    recipe = dataclasses.replace(RECIPE, steps=60, learning_rate=2e-2, batch_size=1)
    phi.fine_tune([TrainingExample("Why?", "So.")], recipe, None, tmp_path / "to", lambda step: None)
    why: Any = SimpleNamespace(id="w", text="Why?")
    decoding = dataclasses.replace(DECODING, repetition_penalty=1.0, max_new_tokens=20)
    (answer,) = next(iter(phi.answer([why], decoding, 1, tmp_path / "to")))
    assert answer.text == "So." and not answer.cut_off
