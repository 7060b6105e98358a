"""A tuned student as an ordinary model folder: the adapter merged into its base's weights."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from runner.student.lora import peft_adapter
from runner.student.models.bundled import student_source
from runner.student.models.hf_loader import load_model
from runner.student.oom import translate_oom
from runner.student.prompt_template import prompt_template_for


@dataclass(frozen=True)
class Merged:
    """What was written, and in what."""

    precision: str
    """How the weights are held."""
    from_precision: str
    """How the base was held in training; where it differs, answers can differ slightly."""
    prompt: str
    """The form in which it was taught to be asked, with `{question}` in the question's place."""


def write_merged(student: str, precision: str, models_dir: Path, adapter: Path, to: Path) -> Merged:
    """Write the student with the adapter merged in, as safetensors, with its tokenizer.

    A 4-bit base is merged in bf16: its 4-bit weights cannot take the merge without being rounded once more.

    Raises:
        ModelLoadFailed, AdapterLoadFailed: one of the two cannot be had.
        OutOfMemory: two copies of the model do not fit.
    """
    held = "bf16" if precision == "nf4" else precision
    source = student_source(student, models_dir)
    with translate_oom(f"merging the adapter into {student!r}"):
        loaded = load_model(source, held, "cpu")
        tuned = peft_adapter.merged_copy(loaded.model, adapter)
        tuned.save_pretrained(to, safe_serialization=True)
    loaded.tokenizer.save_pretrained(to)
    form = prompt_template_for(loaded.tokenizer)
    return Merged(held, precision, f"{form.before}{{question}}{form.after}")
