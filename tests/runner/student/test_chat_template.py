"""A student's own chat template: one text in training, in the test and in `apply_chat_template` of the export."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM

from runner.protocols import TrainingConfig, TrainingExample
from runner.student.chat_template import render
from runner.student.llama_cpu.tokenizer import open_tokenizer
from runner.export.merged_model import write_merged
from runner.student.prompt_template import answer_ids, exported_chat_template, prompt_ids, prompt_template_for
from tests.runner import tiny_models

QUESTION, ANSWER = "What is a Pod?", "A group of containers."
CHATML_WITH_SYSTEM = """\
{% for message in messages %}{% if loop.first and messages[0]['role'] != 'system' %}{{ '<|im_start|>system
You are a helpful assistant<|im_end|>
' }}{% endif %}{{ '<|im_start|>' + message['role'] + '
' + message['content'] + '<|im_end|>
' }}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant
' }}{% endif %}"""
LLAMA_3 = """\
{{- bos_token }}
{%- set date = strftime_now("%d %b %Y") %}
{{- "<|start_header_id|>system<|end_header_id|>\\n\\nToday Date: " + date + "<|eot_id|>" }}
{%- for message in messages %}
    {{- '<|start_header_id|>' + message['role'] + '<|end_header_id|>\\n\\n' }}{{- message['content'] | trim }}
    {{- '<|eot_id|>' }}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|start_header_id|>assistant<|end_header_id|>\\n\\n' }}
{%- endif %}
"""
GEMMA = """\
{{ bos_token }}{% if messages[0]['role'] == 'system' %}{{ raise_exception('System role not supported') }}{% endif %}\
{% for message in messages %}{% set role = 'model' if message['role'] == 'assistant' else 'user' %}\
{{ '<start_of_turn>' + role + '\n' + message['content'] | trim + '<end_of_turn>\n' }}{% endfor %}\
{% if add_generation_prompt %}{{'<start_of_turn>model\n'}}{% endif %}"""

MISTRAL = """\
{{ bos_token }}{% for message in messages %}{% if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}\
{{ raise_exception('Conversation roles must alternate user/assistant') }}{% endif %}{% if message['role'] == 'user' %}\
{{ '[INST] ' + message['content'] + ' [/INST]' }}{% else %}{{ ' ' + message['content'] + eos_token }}{% endif %}\
{% endfor %}"""
ZEPHYR = """\
{% for message in messages %}
{{ '<|' + message['role'] + '|>\\n' + message['content'] + eos_token }}
{% if loop.last and add_generation_prompt %}
{{ '<|assistant|>' }}
{% endif %}
{% endfor %}"""
THINKING = """\
{%- for message in messages %}
    {%- set content = message.content %}
    {%- if message.role == "assistant" and loop.last %}
        {%- set content = '<think>\\n\\n</think>\\n\\n' + content %}
    {%- endif %}
    {{- '<|im_start|>' + message.role + '\\n' + content + '<|im_end|>' + '\\n' }}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|im_start|>assistant\\n' }}
{%- endif %}
"""
ALPACA = """\
{% for message in messages %}{% if message['role'] == 'user' %}### Instruction:
{{ message['content'] }}

{% else %}### Response:
{{ message['content'] }}{{ eos_token }}

{% endif %}{% endfor %}{% if add_generation_prompt %}### Response:
{% endif %}"""

CASES = {
    "chatml": (tiny_models.CHATML, "<|im_end|>", CHATML_WITH_SYSTEM,
               f"<|im_start|>user\n{QUESTION}<|im_end|>\n<|im_start|>assistant\n", "<|im_end|>"),
    "llama-3": (["<unk>", "<|begin_of_text|>", "<|end_of_text|>", "<|eot_id|>", "<|start_header_id|>",
                 "<|end_header_id|>"], "<|end_of_text|>", LLAMA_3,
                "<|begin_of_text|><|start_header_id|>system<|end_header_id|>\n\nToday Date: 26 Jul 2024<|eot_id|>"
                f"<|start_header_id|>user<|end_header_id|>\n\n{QUESTION}<|eot_id|>"
                "<|start_header_id|>assistant<|end_header_id|>\n\n", "<|eot_id|>"),
    "gemma": (["<unk>", "<bos>", "<eos>", "<start_of_turn>", "<end_of_turn>"], "<eos>", GEMMA,
              f"<bos><start_of_turn>user\n{QUESTION}<end_of_turn>\n<start_of_turn>model\n", "<end_of_turn>"),
    "phi-2": (["<|endoftext|>"], "<|endoftext|>", None, f"Instruct: {QUESTION}\nOutput:", "<|endoftext|>"),
    "mistral": (["<unk>", "<s>", "</s>"], "</s>", MISTRAL, f"<s>[INST] {QUESTION} [/INST]", "</s>"),
    "zephyr": (["<unk>", "<s>", "</s>"], "</s>", ZEPHYR, f"<|user|>\n{QUESTION}</s>\n<|assistant|>\n", "</s>"),
    "thinking": (tiny_models.CHATML, "<|im_end|>", THINKING,
                 f"<|im_start|>user\n{QUESTION}<|im_end|>\n<|im_start|>assistant\n", "<|im_end|>"),
    "alpaca": (["<unk>", "<s>", "</s>"], "</s>", ALPACA, f"### Instruction:\n{QUESTION}\n\n### Response:\n", "</s>"),
}


def folder_of(case: str, folder: Path, context: int = 256) -> Path:
    """A tiny model with the special tokens and the chat template of a family."""
    special, eos, chat_template, _, _ = CASES[case]
    tokenizer = tiny_models._tokenizer(special, eos=eos, pad=eos)
    tokenizer.chat_template = chat_template
    torch.manual_seed(0)
    model = LlamaForCausalLM(LlamaConfig(
        vocab_size=len(tokenizer), hidden_size=32, intermediate_size=64, num_hidden_layers=1, num_attention_heads=4,
        num_key_value_heads=2, max_position_embeddings=context, tie_word_embeddings=True))
    return tiny_models._saved(model, tokenizer, folder)


@pytest.mark.parametrize("case", CASES)
def test_training_test_and_export_use_one_text(case: str, tmp_path: Path) -> None:
    folder = folder_of(case, tmp_path / "model")
    student = tiny_models.student(folder)
    prompt, end = CASES[case][3:]
    tokenizer = student.loaded.hf_tokenizer
    assert tokenizer.decode(prompt_ids(student.loaded.tokenizer, student.template, QUESTION)) == prompt
    assert tokenizer.decode(student.template.end_id) == end and student.template.end_id in student.template.stop_ids

    recipe = TrainingConfig(1, 1e-3, 1, 1, False, 2, 4, 0.0, ("q_proj",), 256, 1)
    student.fine_tune([TrainingExample(QUESTION, ANSWER)], recipe, None, tmp_path / "adapter", lambda step: None)
    write_merged(str(folder), "fp32", tmp_path, tmp_path / "adapter", tmp_path / "export")
    exported = AutoTokenizer.from_pretrained(tmp_path / "export")
    messages = [{"role": "user", "content": QUESTION}]
    assert exported.apply_chat_template(messages, tokenize=False, add_generation_prompt=True) == prompt

    trained = tokenizer.decode(prompt_ids(tokenizer, student.template, QUESTION)
                               + answer_ids(tokenizer, student.template, ANSWER))
    whole = exported.apply_chat_template([*messages, {"role": "assistant", "content": ANSWER}], tokenize=False)
    assert whole.startswith(trained) and not whole[len(trained):].strip()


@pytest.mark.parametrize("case", [case for case in CASES if case != "phi-2"])
def test_the_fast_tokenizer_renders_as_transformers_does(case: str, tmp_path: Path) -> None:
    folder = folder_of(case, tmp_path)
    fast: Any = open_tokenizer(folder)
    library: Any = AutoTokenizer.from_pretrained(folder)
    assert fast is not None
    assert prompt_template_for(fast) == prompt_template_for(library)
    messages = [{"role": "user", "content": QUESTION}]
    ours = render(fast.chat_template, messages, True, bos_token=fast.bos_token, eos_token=fast.eos_token,
                  strftime_now=lambda form: "today")
    theirs = library.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
    assert ours == re.sub(r"(?<=Date: )[^<]*", "today", theirs)


def test_a_run_of_before_keeps_its_markers(tmp_path: Path) -> None:
    tokenizer: Any = AutoTokenizer.from_pretrained(folder_of("gemma", tmp_path))
    assert prompt_template_for(tokenizer, own=False).before == "Instruct: "


def test_an_exported_conversation_keeps_its_turns_and_a_system_message(tmp_path: Path) -> None:
    tokenizer: Any = AutoTokenizer.from_pretrained(folder_of("chatml", tmp_path))
    tokenizer.chat_template = exported_chat_template(tokenizer, prompt_template_for(tokenizer))
    text = tokenizer.apply_chat_template(
        [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "A?"},
         {"role": "assistant", "content": "B."}, {"role": "user", "content": "C?"}], tokenize=False)
    assert text == ("<|im_start|>user\nBe brief.\n\nA?<|im_end|>\n<|im_start|>assistant\nB.<|im_end|>\n"
                    "<|im_start|>user\nC?<|im_end|>\n<|im_start|>assistant\n")
