"""Export a tuned student as an ordinary model folder, the adapter merged into the base's weights."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runner.protocols import GenerationConfig
from runner.student.lora import peft_adapter
from runner.student.models.bundled import student_source
from runner.student.models.hf_loader import load_model
from runner.student.oom_errors import translate_oom
from runner.student.prompt_template import PromptTemplate, exported_chat_template, prompt_template_for


@dataclass(frozen=True)
class Merged:
    """How the merged model was written."""

    precision: str
    """Precision of the written weights."""
    from_precision: str
    """Precision of the base in training; if it differs, answers can differ slightly."""
    prompt: str
    """The prompt template it was trained with; `{question}` marks the question."""
    template: PromptTemplate
    ends: tuple[str, ...]
    """Texts of the tokens that end an answer, the one of training first."""


def write_merged(student: str, precision: str, models_dir: Path, adapter: Path, to: Path,
                 own_template: bool = True, decoding: GenerationConfig | None = None) -> Merged:
    """Write the student with the adapter merged in, as safetensors, with its tokenizer.

    A 4-bit base is merged in bf16: merging into 4-bit weights would quantize them once more. The tokenizer's chat
    template renders a question as the text that training and test had.

    Args:
        precision: that of the base in training.
        to: an existing, empty folder.
        own_template: see `prompt_template_for`, as in the run.
        decoding: how the run's answers were generated, which becomes the folder's generation configuration; None keeps
            the base model's.

    Raises:
        ModelLoadFailed, AdapterLoadFailed: the student or the adapter cannot be loaded.
        OutOfMemory: two copies of the model do not fit.
    """
    merged_precision = "bf16" if precision == "nf4" else precision
    source = student_source(student, models_dir)
    with translate_oom(f"merging the adapter into {student!r}"):
        loaded = load_model(source, merged_precision, "cpu")
        tuned = peft_adapter.merged_copy(loaded.model, adapter)
        tuned.save_pretrained(to, safe_serialization=True)
    tokenizer = loaded.hf_tokenizer
    template = prompt_template_for(tokenizer, own_template)
    if decoding is not None:
        _write_generation_config(tuned, template, decoding, to)
    tokenizer.chat_template = exported_chat_template(tokenizer, template)
    tokenizer.save_pretrained(to)
    return Merged(merged_precision, precision, f"{template.before}{{question}}{template.after}", template,
                  tuple(tokenizer.decode([end]) for end in template.stop_ids))


def _write_generation_config(model: Any, template: PromptTemplate, decoding: GenerationConfig, to: Path) -> None:
    """Write how answers were generated and ended in the run, so that every engine does the same by default."""
    config = copy.deepcopy(model.generation_config)
    config.eos_token_id = list(template.stop_ids)
    config.max_new_tokens = decoding.max_new_tokens
    config.repetition_penalty = decoding.repetition_penalty
    config.do_sample = decoding.temperature > 0
    config.temperature = decoding.temperature if config.do_sample else None
    config.top_p = decoding.top_p if config.do_sample else None
    config.top_k = decoding.top_k if config.do_sample else None
    config.save_pretrained(to)
