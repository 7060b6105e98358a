"""Answers: greedy and sampled decoding, batching, stopping, and what is said of an answer."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from runner.roles import Answer, Decoding
from runner.student import generation, sampling
from runner.student.local import LocalStudent
from runner.student.prompt import prompt_ids
from tests.runner.tiny_models import llama_folder, phi_folder, student

GREEDY = Decoding(max_new_tokens=12, temperature=0.0, top_p=0.95, top_k=50, repetition_penalty=1.1, max_seconds=60)
SAMPLED = dataclasses.replace(GREEDY, temperature=0.8)
TEXTS = ["What is a Pod?", "Which object groups containers that share one network, and why?", "Why?",
         "What does a Service do for a Pod?", "Where do the logs go?", "Who picks a node for a new Pod?"]
QUESTIONS: list[Any] = [SimpleNamespace(id=f"q{at}", text=text) for at, text in enumerate(TEXTS)]


@pytest.fixture(scope="module")
def llama(tmp_path_factory: pytest.TempPathFactory) -> LocalStudent:
    return student(llama_folder(tmp_path_factory.mktemp("llama")))


def answers(of: LocalStudent, questions: list[Any], decoding: Decoding, batch: int, seed: int = 1) -> dict[str, Answer]:
    of.plan = dataclasses.replace(of.plan, answer_batch=batch)
    return {answer.question_id: answer for part in of.answer(questions, decoding, seed, None) for answer in part}


def texts(found: dict[str, Answer]) -> dict[str, str | None]:
    return {id: answer.text for id, answer in found.items()}


def test_every_question_is_answered_once_in_batches_of_the_planned_size(llama: LocalStudent) -> None:
    llama.plan = dataclasses.replace(llama.plan, answer_batch=4)
    parts = list(llama.answer(QUESTIONS, GREEDY, 1, None))
    assert [len(part) for part in parts] == [4, 2]
    assert {answer.question_id for part in parts for answer in part} == {q.id for q in QUESTIONS}


def test_greedy_answers_equal_those_of_the_library(llama: LocalStudent) -> None:
    found = answers(llama, QUESTIONS, dataclasses.replace(GREEDY, repetition_penalty=1.0), 3)
    model, tokenizer = llama.loaded.model, llama.loaded.tokenizer
    for question in QUESTIONS:
        ids = torch.tensor([prompt_ids(tokenizer, llama.form, question.text)])
        made = model.generate(ids, attention_mask=torch.ones_like(ids), max_new_tokens=12, do_sample=False,
                              eos_token_id=list(llama.form.stop_ids), pad_token_id=2)
        text = tokenizer.decode(made[0, ids.shape[1]:], skip_special_tokens=True).strip()
        assert found[question.id].text == (text or None)


@pytest.mark.parametrize("decoding", [GREEDY, SAMPLED], ids=["greedy", "sampled"])
def test_an_answer_does_not_depend_on_its_batch(llama: LocalStudent, decoding: Decoding) -> None:
    together = texts(answers(llama, QUESTIONS, decoding, 6))
    alone = texts(answers(llama, QUESTIONS, decoding, 1))
    other_company = texts(answers(llama, QUESTIONS[3:] + QUESTIONS[:2], decoding, 2))
    assert together == alone
    assert other_company == {id: together[id] for id in other_company}


def test_another_seed_gives_another_sample_and_the_same_seed_the_same(llama: LocalStudent) -> None:
    first = texts(answers(llama, QUESTIONS, SAMPLED, 6, seed=1))
    assert texts(answers(llama, QUESTIONS, SAMPLED, 6, seed=1)) == first
    assert texts(answers(llama, QUESTIONS, SAMPLED, 6, seed=2)) != first


def test_sampling_follows_the_chances_within_top_k_and_top_p() -> None:
    logits = torch.log(torch.tensor([0.5, 0.3, 0.15, 0.05]))
    decoding = Decoding(1, 1.0, 0.9, 3, 1.0, 60)
    stream = torch.Generator().manual_seed(0)
    seen = torch.zeros(1, 1, dtype=torch.long)
    drawn = [int(sampling.choose(logits.clone()[None], seen, (), decoding, [stream])) for _ in range(3000)]
    shares = [drawn.count(token) / len(drawn) for token in range(4)]
    assert shares[3] == 0  # outside top_k
    assert shares[:3] == pytest.approx([0.526, 0.316, 0.158], abs=0.03)  # the first three make up 0.95 >= top_p


def test_the_repetition_penalty_spares_the_end_token() -> None:
    logits = torch.tensor([[2.0, -2.0, 2.0, 2.0]])
    found = sampling.penalise(logits, torch.tensor([[0, 1, 2]]), (2,), 2.0)
    assert found.tolist() == [[1.0, -4.0, 2.0, 2.0]]


def test_an_answer_that_hits_the_token_limit_is_marked_cut_off(llama: LocalStudent) -> None:
    found = answers(llama, QUESTIONS[:1], dataclasses.replace(GREEDY, max_new_tokens=2), 1)["q0"]
    assert found.cut_off and found.tokens == 2 and found.seconds > 0


def test_an_answer_stops_at_the_time_limit(llama: LocalStudent) -> None:
    found = answers(llama, QUESTIONS[:1], dataclasses.replace(GREEDY, max_seconds=0.0), 1)["q0"]
    assert found.cut_off and found.tokens <= 1


def test_an_answer_of_no_words_is_missing_not_empty_text(llama: LocalStudent, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(generation, "choose", lambda logits, *_: torch.full((len(logits),), llama.form.end_id))
    found = answers(llama, QUESTIONS[:1], GREEDY, 1)["q0"]
    assert (found.text, found.missing, found.tokens, found.cut_off) == (None, "empty", 0, False)


def test_a_question_longer_than_the_context_is_missing_with_its_reason(llama: LocalStudent) -> None:
    long: Any = SimpleNamespace(id="long", text="What is a Pod? " * 60)
    found = answers(llama, [long, *QUESTIONS[:1]], GREEDY, 2)
    assert found["long"].missing == "question longer than the student's context"
    assert found["q0"].missing is None


def test_a_base_model_stops_where_it_asks_itself_the_next_question(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    phi = student(phi_folder(tmp_path))
    script = iter(phi.loaded.tokenizer(" A group.\nInstruct: And then?")["input_ids"])
    monkeypatch.setattr(generation, "choose", lambda logits, *_: torch.tensor([next(script)]))
    found = answers(phi, QUESTIONS[:1], dataclasses.replace(GREEDY, max_new_tokens=64), 1)["q0"]
    assert found.text == "A group." and not found.cut_off


def test_what_fits_is_what_can_be_answered_and_what_does_not_is_said_to_be_too_long(llama: LocalStudent) -> None:
    """The tiny model's context is 128 tokens; prompts are built by this, so it must agree with the answering."""
    words = next(count for count in range(1, 200) if not llama.fits("pod " * count, 12))
    assert llama.fits("pod " * (words - 1), 12)
    longest, empty = SimpleNamespace(id="l", text="pod " * (words - 1)), SimpleNamespace(id="x", text="pod " * 300)
    found = answers(llama, [longest, empty], GREEDY, 2)
    assert found["l"].missing is None or found["l"].missing == "empty"
    assert len(prompt_ids(llama.loaded.tokenizer, llama.form, longest.text)) + 12 <= 128
    assert found["x"].missing == "question longer than the student's context" and not llama.fits(empty.text, 1)
