"""Likelihoods against a computation so plain that it cannot be wrong."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
import torch

from runner.student.inference import likelihood
from runner.student.llama_cpu import decoder
from runner.student.local_student import LocalStudent
from runner.student.prompt_template import answer_ids, prompt_ids
from store.event_log.journal import StopRequested
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


@pytest.mark.parametrize("side_by_side", [2, 5])
def test_batches_side_by_side_give_the_same_in_the_same_order(
        tiny: LocalStudent, monkeypatch: pytest.MonkeyPatch, side_by_side: int) -> None:
    monkeypatch.setattr(likelihood, "_BATCH_TOKENS", 1)
    heard: list[int] = []
    threads, weights = torch.get_num_threads(), tiny.loaded.checkpoint and tiny._packed_weights_for(None)
    losses = decoder.losses_of(weights) if weights else likelihood.hf_losses(tiny.loaded.model)
    found = likelihood.likelihoods(losses, tiny.loaded.context, tiny.loaded.tokenizer,
                                   tiny.template, PAIRS * 3, heard.append, side_by_side)
    assert [one.nll for one in found] == pytest.approx([naive(tiny, *pair) for pair in PAIRS * 3], abs=1e-4)
    assert heard == list(range(1, 13)) and torch.get_num_threads() == threads


def test_stopping_leaves_out_the_batches_that_have_not_begun(
        tiny: LocalStudent, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(likelihood, "_BATCH_TOKENS", 1)
    pairs = [("What is a Pod?", "A group of containers. " * 5)] * 39 + [("Why?", "No.")]
    begun, threads, go_on = [0], torch.get_num_threads(), threading.Event()

    def losses(ids: torch.Tensor, mask: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        begun[0] += 1
        if mask.sum() > 40:  # not the short pair, whose batch is the first
            assert go_on.wait(60)
        return torch.zeros(len(ids))

    def stop(scored: int) -> None:
        go_on.set()
        raise StopRequested("pause")

    with pytest.raises(StopRequested):
        likelihood.likelihoods(losses, 128, tiny.loaded.tokenizer, tiny.template, pairs, stop, 2)
    assert begun[0] < 40 and torch.get_num_threads() == threads


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
