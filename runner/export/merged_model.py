"""Export a tuned student as an ordinary model folder, the adapter merged into the base's weights."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from runner.student.lora import peft_adapter
from runner.student.models.bundled import student_source
from runner.student.models.hf_loader import load_model
from runner.student.oom_errors import translate_oom
from runner.student.prompt_template import exported_chat_template, prompt_template_for


@dataclass(frozen=True)
class Merged:
    """How the merged model was written."""

    precision: str
    """Precision of the written weights."""
    from_precision: str
    """Precision of the base in training; if it differs, answers can differ slightly."""
    prompt: str
    """The prompt template it was trained with; `{question}` marks the question."""


def write_merged(student: str, precision: str, models_dir: Path, adapter: Path, to: Path,
                 own_template: bool = True) -> Merged:
    """Write the student with the adapter merged in, as safetensors, with its tokenizer.

    A 4-bit base is merged in bf16: merging into 4-bit weights would quantize them once more. The tokenizer's chat
    template renders a question as the text that training and test had.

    Args:
        precision: that of the base in training.
        to: an existing, empty folder.
        own_template: see `prompt_template_for`, as in the run.

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
    tokenizer.chat_template = exported_chat_template(tokenizer, template)
    tokenizer.save_pretrained(to)
    return Merged(merged_precision, precision, f"{template.before}{{question}}{template.after}")
