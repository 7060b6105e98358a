"""Likelihoods against a computation so plain that it cannot be wrong."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from runner.student.inference import likelihood
from runner.student.local_student import LocalStudent
from runner.student.prompt_template import answer_ids, prompt_ids
from tests.runner.tiny_models import llama_folder, phi_folder, student

PAIRS = [("What is a Pod?", "A group of containers."), ("Why?", "No."),
         ("What does a Service do for a Pod?", "A Service gives a set of Pods one address and a name."),
         ("What is a Pod?", "A node.")]


@pytest.fixture(scope="module", params=[llama_folder, phi_folder])
def tiny(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> LocalStudent:
    return student(request.param(tmp_path_factory.mktemp("model")))


def naive(of: LocalStudent, question: str, answer: str) -> float:
    prompt = prompt_ids(of.loaded.hf_tokenizer, of.template, question)
    ids = prompt + answer_ids(of.loaded.hf_tokenizer, of.template, answer)
    with torch.no_grad():
        chances = of.loaded.model(input_ids=torch.tensor([ids])).logits[0].float().log_softmax(-1)
    losses = [-float(chances[at - 1, ids[at]]) for at in range(len(prompt), len(ids))]
    return sum(losses) / len(losses)


def test_it_equals_the_naive_computation_in_the_order_given(tiny: LocalStudent) -> None:
    found = tiny.likelihoods(PAIRS, None)
    assert [one.nll for one in found] == pytest.approx([naive(tiny, *pair) for pair in PAIRS], abs=1e-4)
    assert not any(one.truncated for one in found)


def test_the_end_token_counts(tiny: LocalStudent) -> None:
    words = tiny.loaded.hf_tokenizer(tiny.template.lead + "No.", add_special_tokens=False)["input_ids"]
    assert tiny.likelihoods([("Why?", "No.")], None)[0].tokens == len(words) + 1


def test_it_does_not_depend_on_the_batches(tiny: LocalStudent, monkeypatch: pytest.MonkeyPatch) -> None:
    together = [one.nll for one in tiny.likelihoods(PAIRS, None)]
    monkeypatch.setattr(likelihood, "_BATCH_TOKENS", 1)
    assert [one.nll for one in tiny.likelihoods(PAIRS, None)] == pytest.approx(together, abs=1e-4)


def test_it_tells_after_each_batch_how_many_are_weighed(tiny: LocalStudent, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(likelihood, "_BATCH_TOKENS", 1)
    heard: list[int] = []
    tiny.likelihoods(PAIRS, None, heard.append)
    assert heard == [1, 2, 3, 4]


def test_an_answer_beyond_the_context_is_cut_and_says_so(tiny: LocalStudent) -> None:
    found = tiny.likelihoods([("What is a Pod?", "A group of containers. " * 60), PAIRS[0]], None)
    assert found[0].truncated and found[0].tokens < 128
    assert not found[1].truncated


def test_no_pairs_give_no_likelihoods(tiny: LocalStudent) -> None:
    assert tiny.likelihoods([], None) == []


def test_four_bit_weights_are_weighed_on_the_cpu(tmp_path: Path) -> None:
    tiny = student(phi_folder(tmp_path), precision="nf4")
    assert tiny.loaded.model.is_loaded_in_4bit
    assert all(0 < one.nll < 20 for one in tiny.likelihoods(PAIRS, None))
