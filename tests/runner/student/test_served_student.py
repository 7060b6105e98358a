"""A student at a server answers and scores as the same weights do here, and a server that is not it is refused."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from runner.llm.errors import EndpointUnavailable
from runner.protocols import GenerationConfig, Likelihood, TrainingConfig, TrainingExample
from runner.student.completion_server import CompletionServer
from runner.student.errors import AdapterLoadFailed, ModelLoadFailed
from runner.student.local_student import LocalStudent
from runner.student.served_student import ServedStudent
from store.config_checks import check
from store.presets import preset
from store.run_config import DEFAULT_TARGET_MODULES, InvalidConfig
from tests.runner.student.fake_vllm import FakeVllm
from tests.runner.tiny_models import llama_folder, student

GREEDY = GenerationConfig(8, 0.0, 0.95, 50, 1.0, 600)
QUESTIONS: list[Any] = [SimpleNamespace(id=str(number), text=text) for number, text in enumerate(
    ("What is a Pod?", "Why?", "What does a Service do for a group of Pods that share a network?"))]
PAIRS = [("What is a Pod?", "A group of containers."), ("Why?", "So that they share storage and network.")]
RECIPE = TrainingConfig(steps=4, learning_rate=1e-1, batch_size=2, gradient_accumulation=1,
                        gradient_checkpointing=False, lora_rank=4, lora_alpha=8, lora_dropout=0.0,
                        target_modules=DEFAULT_TARGET_MODULES, max_sequence_tokens=64, seed=3)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return llama_folder(tmp_path_factory.mktemp("served") / "student")


@pytest.fixture(scope="module")
def adapter(folder: Path) -> Path:
    to = folder.parent / "adapter"
    student(folder).fine_tune([TrainingExample(*pair) for pair in PAIRS], RECIPE, None, to, lambda step: None)
    return to


def served(local: LocalStudent, server: FakeVllm) -> ServedStudent:
    return ServedStudent(local, CompletionServer(server.url, 600.0))


def texts(of: Any, adapter: Path | None) -> dict[str, tuple[str | None, int, bool]]:
    return {answer.question_id: (answer.text, answer.tokens, answer.cut_off)
            for group in of.answer(QUESTIONS, GREEDY, 1, adapter) for answer in group}


def nats(found: list[Likelihood]) -> list[float]:
    return [one.nll for one in found]


@pytest.mark.parametrize("tuned", [False, True])
def test_it_answers_and_scores_as_its_weights_do_here(folder: Path, adapter: Path, tuned: bool) -> None:
    with FakeVllm(student(folder)) as server:
        there, here, of = served(student(folder), server), student(folder), adapter if tuned else None
        assert texts(there, of) == texts(here, of)
        progress: list[int] = []
        found = there.likelihoods(PAIRS, of, progress.append)
        expected = here.likelihoods(PAIRS, of)
        assert nats(found) == pytest.approx(nats(expected), abs=1e-4) and progress == [1, 2]
        assert [(one.tokens, one.truncated) for one in found] == [(one.tokens, one.truncated) for one in expected]
        assert nats(found) != pytest.approx(nats(here.likelihoods(PAIRS, None if tuned else adapter)), abs=1e-2)
        assert "answers and scores; for training: " in there.info.precision_reason and server.url in \
            there.info.precision_reason
        assert "".join(there.stream(QUESTIONS[0].text, GREEDY, 1, of)) == (texts(here, of)["0"][0] or "")


def test_both_students_are_asked_with_the_same_seed_and_the_settings_of_the_run(folder: Path, adapter: Path) -> None:
    sampled = GenerationConfig(8, 0.7, 0.9, 20, 1.1, 600)
    with FakeVllm(student(folder)) as server:
        there = served(student(folder), server)
        for of in (None, adapter):
            list(there.answer(QUESTIONS[:1], sampled, 7, of))
        base, tuned = [body for body in server.requests if body["max_tokens"] == 8]
    assert (base.pop("model"), tuned.pop("model")) == ("student", next(iter(server.adapters)))
    assert base == tuned and base["seed"] > 0
    assert [base[name] for name in ("temperature", "top_p", "top_k", "repetition_penalty")] == [0.7, 0.9, 20, 1.1]


def test_a_server_with_other_weights_is_refused(folder: Path, tmp_path: Path) -> None:
    with FakeVllm(student(llama_folder(tmp_path / "other", seed=1))) as server, \
            pytest.raises(ModelLoadFailed, match="is not the student 'student': the same text has .* there"):
        served(student(folder), server)


def test_a_server_that_ignores_adapters_is_refused(folder: Path, adapter: Path) -> None:
    with FakeVllm(student(folder), ignores_adapters=True) as server:
        there = served(student(folder), server)
        with pytest.raises(AdapterLoadFailed, match="answers as without it"):
            there.likelihoods(PAIRS, adapter)


def test_a_server_that_loads_no_adapters_says_how_to_start_it(folder: Path, adapter: Path) -> None:
    with FakeVllm(student(folder), loads_adapters=False) as server:
        there = served(student(folder), server)
        with pytest.raises(AdapterLoadFailed, match="Not Found; start vLLM with --enable-lora"):
            there.likelihoods(PAIRS, adapter)


def test_a_server_without_log_probabilities_or_nobody_there_is_a_sentence(folder: Path) -> None:
    with FakeVllm(student(folder), scores=False) as server, pytest.raises(ModelLoadFailed, match="prompt_logprobs"):
        served(student(folder), server)
    with pytest.raises(EndpointUnavailable, match="127.0.0.1:9"):
        ServedStudent(student(folder), CompletionServer("http://127.0.0.1:9/v1", 5.0))


def test_the_address_is_checked_before_the_run_is_queued() -> None:
    assert check(preset("embedded", student_server="http://gpu:8000/v1")).student_server
    with pytest.raises(InvalidConfig, match="student_server"):
        check(preset("embedded", student_server="gpu 8000"))
