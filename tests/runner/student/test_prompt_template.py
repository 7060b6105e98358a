"""One prompt form for training, answering and weighing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from transformers import AutoTokenizer

from runner.student.inference.stop_texts import cut_at_stop
from runner.student.prompt_template import answer_ids, prompt_ids, prompt_template_for
from tests.runner.tiny_models import llama_folder, phi_folder


@pytest.fixture(scope="module")
def chat(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return AutoTokenizer.from_pretrained(llama_folder(tmp_path_factory.mktemp("llama")))


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return AutoTokenizer.from_pretrained(phi_folder(tmp_path_factory.mktemp("phi")))


def test_chat_models_get_chatml_with_their_own_tokens_and_no_system_prompt(chat: Any) -> None:
    form = prompt_template_for(chat)
    ids = prompt_ids(chat, form, "What is a Pod?")
    assert chat.decode(ids) == "<|im_start|>user\nWhat is a Pod?<|im_end|>\n<|im_start|>assistant\n"
    assert ids[0] == chat.convert_tokens_to_ids("<|im_start|>")
    assert answer_ids(chat, form, "A group.")[-1] == chat.convert_tokens_to_ids("<|im_end|>")


def test_other_models_get_plain_text_and_their_end_of_text_token(plain: Any) -> None:
    form = prompt_template_for(plain)
    ids = prompt_ids(plain, form, "What is a Pod?") + answer_ids(plain, form, "A group.")
    assert plain.decode(ids) == "Instruct: What is a Pod?\nOutput: A group.<|endoftext|>"
    assert form.end_id == plain.eos_token_id
    assert plain.convert_tokens_to_ids("<|im_start|>") == plain.unk_token_id


def test_markers_inside_a_question_stay_plain_text(chat: Any) -> None:
    form = prompt_template_for(chat)
    end = chat.convert_tokens_to_ids("<|im_end|>")
    assert prompt_ids(chat, form, "What does <|im_end|> do?").count(end) == 1
    assert answer_ids(chat, form, "It is <|im_end|> indeed").count(end) == 1


def test_an_answer_is_cut_where_the_model_asks_itself_the_next_question(plain: Any) -> None:
    form = prompt_template_for(plain)
    assert cut_at_stop(form, " A group.\nInstruct: And now?") == (" A group.", True)
    assert cut_at_stop(form, " A group.") == (" A group.", False)


def test_no_embedding_is_resized(tmp_path: Path) -> None:
    from tests.runner.tiny_models import student

    loaded = student(phi_folder(tmp_path)).loaded
    assert loaded.model.get_input_embeddings().weight.shape[0] == len(loaded.hf_tokenizer) + 17
