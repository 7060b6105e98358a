"""Answers: greedy and sampled decoding, batching, stopping, and the fields of an answer."""

from __future__ import annotations

import dataclasses
import os
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from runner.protocols import Answer, GenerationConfig
from runner.student.inference import continuous_batching, sampling
from runner.student.llama_cpu import decoder, packed_linear
from runner.student.local_student import LocalStudent
from runner.student.prompt_template import prompt_ids
from tests.runner.tiny_models import llama_folder, phi_folder, student
from tests.plain_runs import plain_run

GREEDY = GenerationConfig(max_new_tokens=12, temperature=0.0, top_p=0.95, top_k=50, repetition_penalty=1.1,
                          max_seconds=60)
SAMPLED = dataclasses.replace(GREEDY, temperature=0.8)
TEXTS = ["What is a Pod?", "Which object groups containers that share one network, and why?", "Why?",
         "What does a Service do for a Pod?", "Where do the logs go?", "Who picks a node for a new Pod?"]
QUESTIONS: list[Any] = [SimpleNamespace(id=f"q{number}", text=text) for number, text in enumerate(TEXTS)]


@pytest.fixture(scope="module")
def llama(tmp_path_factory: pytest.TempPathFactory) -> LocalStudent:
    return student(llama_folder(tmp_path_factory.mktemp("llama")))


def answers(of: LocalStudent, questions: list[Any], decoding: GenerationConfig, batch: int,
            seed: int = 1) -> dict[str, Answer]:
    of.plan = dataclasses.replace(of.plan, answer_batch=batch)
    return {answer.question_id: answer for part in of.answer(questions, decoding, seed, None) for answer in part}


def texts(found: dict[str, Answer]) -> dict[str, str | None]:
    return {id: answer.text for id, answer in found.items()}


@pytest.mark.parametrize("slots", [1, 4, 9])
def test_every_question_is_answered_once_with_no_more_rows_at_a_time_than_planned(
        llama: LocalStudent, monkeypatch: pytest.MonkeyPatch, slots: int) -> None:
    running: list[int] = []
    step = decoder.LlamaDecodeBatch.step
    monkeypatch.setattr(decoder.LlamaDecodeBatch, "step",
                        lambda rows, tokens: (running.append(len(tokens)), step(rows, tokens))[1])
    llama.plan = dataclasses.replace(llama.plan, answer_batch=slots)
    parts = list(llama.answer(QUESTIONS, GREEDY, 1, None))
    assert sorted(answer.question_id for part in parts for answer in part) == sorted(q.id for q in QUESTIONS)
    assert max(running) == min(slots, len(QUESTIONS))


def test_a_waiting_question_takes_the_slot_of_a_finished_one(llama: LocalStudent) -> None:
    """The first answer is long: meanwhile the others use the second slot one after the other."""
    prompts = {q.id: prompt_ids(llama.loaded.hf_tokenizer, llama.template, q.text) for q in QUESTIONS}
    rows = decoder.LlamaDecodeBatch(decoder.PackedLlamaWeights(llama.loaded.model), 2)
    longest = max(map(len, prompts.values())) + 12
    alone = {}
    for id, prompt in prompts.items():
        one = decoder.LlamaDecodeBatch(rows.weights, 1)
        alone[id] = one.prefill([prompt], longest)
    rows.prefill([prompts["q0"]], longest)
    for id in ("q1", "q2", "q3"):
        assert rows.free_slots() == 1
        assert torch.allclose(rows.prefill([prompts[id]], longest), alone[id], atol=1e-5)
        assert rows.free_slots() == 0
        rows.step(torch.tensor([5, 6]))
        assert rows.retain([0]) == [0]


def test_retained_rows_move_into_the_gaps_with_their_cache(llama: LocalStudent) -> None:
    prompts = [prompt_ids(llama.loaded.hf_tokenizer, llama.template, text) for text in TEXTS[:4]]
    weights = decoder.PackedLlamaWeights(llama.loaded.model)
    together, tokens = decoder.LlamaDecodeBatch(weights, 4), torch.tensor([3, 4, 5, 6])
    together.prefill(prompts, 100)
    expected = together.step(tokens)
    apart = decoder.LlamaDecodeBatch(weights, 4)
    apart.prefill(prompts, 100)
    order = apart.retain([1, 3])
    assert sorted(order) == [1, 3] and apart.free_slots() == 2
    assert torch.allclose(apart.step(tokens[torch.tensor(order)]), expected[torch.tensor(order)], atol=1e-5)


def test_the_seconds_of_all_answers_come_to_the_time_that_they_took(llama: LocalStudent) -> None:
    began = time.monotonic()
    found = answers(llama, QUESTIONS, GREEDY, 2)
    took = time.monotonic() - began
    assert 0.5 * took < sum(answer.seconds for answer in found.values()) <= took


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("here", [True, False], ids=["packed", "plain"])
def test_packed_products_equal_plain_ones(monkeypatch: pytest.MonkeyPatch, dtype: torch.dtype, here: bool) -> None:
    if not here:
        monkeypatch.setattr(packed_linear, "can_pack", lambda _dtype: False)
    torch.manual_seed(0)
    x, other = torch.randn(5, 64).to(dtype), torch.randn(5, 32).to(dtype)
    weight, bias = torch.randn(32, 64).to(dtype), torch.randn(32).to(dtype)
    layer = packed_linear.OneDnnLinear(weight, bias)
    exact = x.double() @ weight.double().T + bias.double()
    near = {"rtol": 1e-4, "atol": 1e-4} if dtype == torch.float32 else {"rtol": 0.02, "atol": 0.1}
    torch.testing.assert_close(layer(x).double(), exact, **near)
    torch.testing.assert_close(layer.silu(x).double(), torch.nn.functional.silu(exact), **near)
    torch.testing.assert_close(layer.mul(x, other).double(), exact * other.double(), **near)
    torch.testing.assert_close(layer.add(x, other).double(), exact + other.double(), **near)


@pytest.mark.slow
def test_the_embedded_student_answers_in_fp32_as_the_library_does(tmp_path: Path) -> None:
    models = Path(os.environ.get("TEST_MODELS_DIR") or tmp_path)
    embedded = LocalStudent.open(plain_run(precision="fp32"), models)
    decoding = dataclasses.replace(GREEDY, max_new_tokens=48, repetition_penalty=1.0)
    found = answers(embedded, QUESTIONS, decoding, 3)
    for question in QUESTIONS:
        ids = torch.tensor([prompt_ids(embedded.loaded.hf_tokenizer, embedded.template, question.text)])
        made = embedded.loaded.model.generate(
            ids, attention_mask=torch.ones_like(ids), max_new_tokens=48, do_sample=False,
            eos_token_id=list(embedded.template.stop_ids), pad_token_id=2)
        text = embedded.loaded.hf_tokenizer.decode(made[0, ids.shape[1]:], skip_special_tokens=True).strip()
        assert found[question.id].text == text


def test_greedy_answers_equal_those_of_the_library(llama: LocalStudent) -> None:
    found = answers(llama, QUESTIONS, dataclasses.replace(GREEDY, repetition_penalty=1.0), 3)
    model, tokenizer = llama.loaded.model, llama.loaded.hf_tokenizer
    for question in QUESTIONS:
        ids = torch.tensor([prompt_ids(tokenizer, llama.template, question.text)])
        made = model.generate(ids, attention_mask=torch.ones_like(ids), max_new_tokens=12, do_sample=False,
                              eos_token_id=list(llama.template.stop_ids), pad_token_id=2)
        text = tokenizer.decode(made[0, ids.shape[1]:], skip_special_tokens=True).strip()
        assert found[question.id].text == (text or None)


@pytest.mark.parametrize("decoding", [GREEDY, SAMPLED], ids=["greedy", "sampled"])
def test_an_answer_does_not_depend_on_its_batch(llama: LocalStudent, decoding: GenerationConfig) -> None:
    together = texts(answers(llama, QUESTIONS, decoding, 6))
    alone = texts(answers(llama, QUESTIONS, decoding, 1))
    other_company = texts(answers(llama, QUESTIONS[3:] + QUESTIONS[:2], decoding, 2))
    assert together == alone
    assert other_company == {id: together[id] for id in other_company}


def test_another_seed_gives_another_sample_and_the_same_seed_the_same(llama: LocalStudent) -> None:
    first = texts(answers(llama, QUESTIONS, SAMPLED, 6, seed=1))
    assert texts(answers(llama, QUESTIONS, SAMPLED, 6, seed=1)) == first
    assert texts(answers(llama, QUESTIONS, SAMPLED, 6, seed=2)) != first


def test_sampling_follows_the_probabilities_within_top_k_and_top_p() -> None:
    logits = torch.log(torch.tensor([0.5, 0.3, 0.15, 0.05]))
    decoding = GenerationConfig(1, 1.0, 0.9, 3, 1.0, 60)
    generator = torch.Generator().manual_seed(0)
    context = torch.zeros(1, 1, dtype=torch.long)
    drawn = [int(sampling.sample_next_tokens(logits.clone()[None], context, (), decoding, [generator]))
             for _ in range(3000)]
    shares = [drawn.count(token) / len(drawn) for token in range(4)]
    assert shares[3] == 0  # outside top_k
    assert shares[:3] == pytest.approx([0.526, 0.316, 0.158], abs=0.03)  # the first three make up 0.95 >= top_p


def test_the_repetition_penalty_is_for_all_tokens_of_the_context_but_those_that_are_exempt() -> None:
    logits = torch.tensor([[2.0, -2.0, 2.0, 2.0]])
    found = sampling.apply_repetition_penalty(logits.clone(), torch.tensor([[0, 1, 2]]), (), 2.0)
    assert found.tolist() == [[1.0, -4.0, 1.0, 2.0]]
    found = sampling.apply_repetition_penalty(logits, torch.tensor([[0, 1, 2]]), (2,), 2.0)
    assert found.tolist() == [[1.0, -4.0, 2.0, 2.0]]


def test_answers_end_where_transformers_ends_them_whose_penalty_is_for_the_end_token_too(tmp_path: Path) -> None:
    """A student whose end token is 1.2 times as likely, by its logit, as a letter that it often says."""
    folder = llama_folder(tmp_path)
    model, tokenizer = AutoModelForCausalLM.from_pretrained(folder), AutoTokenizer.from_pretrained(folder)
    with torch.no_grad():
        embedding = model.model.embed_tokens.weight
        embedding[tokenizer.eos_token_id] = 1.2 * embedding[tokenizer("u")["input_ids"][0]]
    model.save_pretrained(folder)
    of = student(folder)
    decoding = dataclasses.replace(GREEDY, max_new_tokens=24, repetition_penalty=1.3)
    found = texts(answers(of, QUESTIONS, decoding, 1))
    for question in QUESTIONS:
        ids = torch.tensor([prompt_ids(tokenizer, of.template, question.text)])
        made = model.generate(ids, attention_mask=torch.ones_like(ids), max_new_tokens=24, do_sample=False,
                              repetition_penalty=1.3, eos_token_id=list(of.template.stop_ids), pad_token_id=2)
        assert (found[question.id] or "") == tokenizer.decode(made[0, ids.shape[1]:], skip_special_tokens=True).strip()
    assert found != texts(answers(of, QUESTIONS, dataclasses.replace(decoding, penalize_end=False), 1))


def test_an_answer_that_hits_the_token_limit_is_marked_cut_off(llama: LocalStudent) -> None:
    found = answers(llama, QUESTIONS[:1], dataclasses.replace(GREEDY, max_new_tokens=2), 1)["q0"]
    assert found.cut_off and found.tokens == 2 and found.seconds > 0


def test_an_answer_stops_at_the_time_limit(llama: LocalStudent) -> None:
    found = answers(llama, QUESTIONS[:1], dataclasses.replace(GREEDY, max_seconds=0.0), 1)["q0"]
    assert found.cut_off and found.tokens <= 1


def test_an_answer_of_no_words_is_missing_not_empty_text(llama: LocalStudent, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(continuous_batching, "sample_next_tokens", lambda logits,
                        *_: torch.full((len(logits),), llama.template.end_id))
    found = answers(llama, QUESTIONS[:1], GREEDY, 1)["q0"]
    assert (found.text, found.missing, found.tokens, found.cut_off) == (None, "empty", 0, False)


def test_a_question_longer_than_the_context_is_missing_with_its_reason(llama: LocalStudent) -> None:
    long: Any = SimpleNamespace(id="long", text="What is a Pod? " * 60)
    found = answers(llama, [long, *QUESTIONS[:1]], GREEDY, 2)
    assert found["long"].missing == "question longer than the student's context"
    assert found["q0"].missing is None


def test_a_base_model_stops_where_it_writes_the_next_question(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    phi = student(phi_folder(tmp_path))
    script = iter(phi.loaded.hf_tokenizer(" A group.\nInstruct: And then?")["input_ids"])
    monkeypatch.setattr(continuous_batching, "sample_next_tokens", lambda logits, *_: torch.tensor([next(script)]))
    found = answers(phi, QUESTIONS[:1], dataclasses.replace(GREEDY, max_new_tokens=64), 1)["q0"]
    assert found.text == "A group." and not found.cut_off


def test_fits_context_agrees_with_which_questions_are_answered(llama: LocalStudent) -> None:
    """The tiny model's context is 128 tokens."""
    words = next(count for count in range(1, 200) if not llama.fits_context("pod " * count, 12))
    assert llama.fits_context("pod " * (words - 1), 12)
    longest, empty = SimpleNamespace(id="l", text="pod " * (words - 1)), SimpleNamespace(id="x", text="pod " * 300)
    found = answers(llama, [longest, empty], GREEDY, 2)
    assert found["l"].missing is None or found["l"].missing == "empty"
    assert len(prompt_ids(llama.loaded.hf_tokenizer, llama.template, longest.text)) + 12 <= 128
    assert found["x"].missing == "question longer than the student's context" and not llama.fits_context(empty.text, 1)
