"""The student on this machine: one loaded model that answers, weighs and learns.

Puts the parts of this room together; loads the base once and keeps it as it came.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import torch

from knowledge.questions import Question
from runner import hardware
from runner.roles import Answer, Decoding, Example, Likelihood, Recipe, StudentInfo, Training, TrainingStep
from runner.student import adapters, generation, likelihood, llama_rows
from runner.student.bundled import student_source
from runner.student.loading import Loaded, count_parameters, load_model
from runner.student.memory import give_back, typed_memory_errors
from runner.student.naming import weights_named
from runner.student.prompt import form_for, prompt_ids
from runner.student.rows import LibraryRows, Rows
from store.config import EMBEDDED_STUDENT, RunConfig


class LocalStudent:
    """Implements `roles.Student`. Not for two threads at once."""

    def __init__(self, loaded: Loaded, name: str, plan: hardware.Plan, weights: str = "") -> None:
        self.loaded, self.plan = loaded, plan
        self.form = form_for(loaded.tokenizer)
        self.info = StudentInfo(name, loaded.parameters, plan.precision, plan.device, plan.reason,
                                plan.batch_size, plan.threads, weights)
        self._tuned: tuple[str, Any] | None = None
        self._packed: tuple[Any, llama_rows.LlamaWeights] | None = None

    @classmethod
    def open(cls, config: RunConfig, models_dir: Path, rung: int = 0) -> LocalStudent:
        """Load the configured student as the memory plan says; `rung` goes down its ladder.

        Raises:
            ModelLoadFailed: it cannot be had.
            OutOfMemory: it does not fit, or the ladder has no such rung.
        """
        source = student_source(config.student, models_dir)
        machine = hardware.measure()
        torch.set_num_threads(machine.cores)  # before the probe: it measures what will be used
        plan = hardware.plan_for(config, machine, hardware.probe_precision(), count_parameters(source), rung)
        torch.set_num_threads(plan.threads)
        if plan.device == "cuda" and config.gpu_memory_cap_gb:
            share = config.gpu_memory_cap_gb * hardware.GB / machine.gpu_total_bytes
            torch.cuda.set_per_process_memory_fraction(min(1.0, share))
        with typed_memory_errors(f"loading student {config.student!r}"):
            loaded = load_model(source, plan.precision, plan.device)
        name = "SmolLM2-135M-Instruct" if config.student == EMBEDDED_STUDENT else config.student
        return cls(loaded, name, plan, weights_named(source, loaded.model.config))

    def answer(self, questions: Sequence[Question], decoding: Decoding, seed: int,
               adapter: Path | None) -> Iterator[list[Answer]]:
        with typed_memory_errors(f"answering {len(questions)} questions"):
            model = self._model(adapter)
            context = int(getattr(model.config, "max_position_embeddings", 0) or 1 << 30)
            yield from generation.generate(self._rows(model), context, self.loaded.tokenizer, self.form,
                                           [(q.id, q.text) for q in questions], decoding, seed)

    def _rows(self, model: Any) -> Rows:
        """What answers are made with: packed weights where they can be had, kept for the next call."""
        if not llama_rows.fits(model):
            return LibraryRows(model, self.plan.answer_batch)
        if self._packed is None or self._packed[0] is not model:
            self._packed = None  # first let the other go: they are as large as the model
            self._packed = (model, llama_rows.LlamaWeights(model))
        return llama_rows.LlamaRows(self._packed[1], self.plan.answer_batch)

    def likelihoods(self, pairs: Sequence[tuple[str, str]], adapter: Path | None) -> list[Likelihood]:
        with typed_memory_errors(f"weighing {len(pairs)} answers"):
            return likelihood.likelihoods(self._model(adapter), self.loaded.tokenizer, self.form, pairs)

    def fits(self, question: str, answer_tokens: int) -> bool:
        context = int(getattr(self.loaded.model.config, "max_position_embeddings", 0) or 1 << 30)
        return len(prompt_ids(self.loaded.tokenizer, self.form, question)) + answer_tokens <= context

    def fine_tune(self, examples: Sequence[Example], recipe: Recipe, start: Path | None, to: Path,
                  on_step: Callable[[TrainingStep], None]) -> Training:
        from runner.student import training  # late: trl takes seconds to import, and only training needs it

        self._drop_tuned()
        try:
            with typed_memory_errors(f"fine-tuning on {len(examples)} examples"):
                return training.fine_tune(self.loaded, self.form, examples, self._fitted(recipe), start, to, on_step,
                                          self.plan.kept_tokens)
        finally:
            give_back()

    def _fitted(self, recipe: Recipe) -> Recipe:
        """The recipe with no larger batch than the plan has room for; examples per step stay as asked."""
        batch = min(recipe.batch_size, self.plan.batch_size)
        accumulation = recipe.gradient_accumulation * max(1, recipe.batch_size // batch)
        return dataclasses.replace(recipe, batch_size=batch, gradient_accumulation=accumulation)

    def _model(self, adapter: Path | None) -> Any:
        """The base, or the base with an adapter; one tuned model is kept until another is asked for."""
        if adapter is None:
            if not self._merges:
                self._drop_tuned()
            return self.loaded.model
        adapters.check_folder(adapter)
        key = f"{adapter.resolve()} {adapters.weights_sha256(adapter)}"
        if self._tuned is None or self._tuned[0] != key:
            self._drop_tuned()
            make = adapters.tuned_copy if self._merges else adapters.tuned_in_place
            self._tuned = (key, make(self.loaded.model, adapter))
        return self._tuned[1]

    @property
    def _merges(self) -> bool:
        """A merged copy answers faster but takes the memory of a second model; 4-bit weights cannot take a merge."""
        return self.plan.precision != "nf4" and self.plan.device == "cpu"

    def _drop_tuned(self) -> None:
        """Let go of what only answering needs."""
        if self._tuned is not None and not self._merges:
            adapters.detach(self._tuned[1])
        self._tuned = self._packed = None
        give_back()
