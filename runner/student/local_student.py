"""The student on this machine: one loaded model that answers, weighs and learns.

Puts the parts of this room together; loads the base once and keeps it as it came.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import torch

from knowledge.questions import Question, question_id
from runner import hardware
from runner.protocols import (
    Answer, GenerationConfig, Likelihood, StudentInfo, TrainingConfig, TrainingExample, TrainingResult, TrainingStep,
)
from runner.student.inference import generation, likelihood, streaming
from runner.student.inference.decode_batch import DecodeBatch, HFDecodeBatch
from runner.student.llama_cpu import decoder
from runner.student.lora.adapter_files import check_folder, plain_adapter, weights_sha256
from runner.student.models.bundled import student_source
from runner.student.models.loaded_model import LoadedModel
from runner.student.models.loader import load_model, size_of, student_fingerprint
from runner.student.oom import translate_oom
from runner.student.prompt_template import prompt_ids, prompt_template_for
from store.config import EMBEDDED_STUDENT, RunConfig


class LocalStudent:
    """Implements `roles.Student`. Not for two threads at once."""

    def __init__(self, loaded: LoadedModel, name: str, plan: hardware.Plan, weights: str = "") -> None:
        self.loaded, self.plan = loaded, plan
        self.form = prompt_template_for(loaded.words)
        self.info = _info(name, loaded.parameters, plan, weights)
        self._tuned: tuple[str, Any] | None = None
        self._packed: tuple[str, decoder.PackedLlamaWeights] | None = None

    @classmethod
    def open(cls, config: RunConfig, models_dir: Path, rung: int = 0,
             on_plan: Callable[[StudentInfo], None] = lambda info: None) -> LocalStudent:
        """Load the configured student as the memory plan says; `rung` goes down its ladder.

        `on_plan` hears of the plan before anything is loaded by it.

        Raises:
            ModelLoadFailed: it cannot be had.
            OutOfMemory: memory ran out in loading.
            hardware.DoesNotFit, hardware.LadderEnded: there is no plan to load by.
        """
        source = student_source(config.student, models_dir)
        if rung == 0:
            hardware.freeze_gc()
        hardware.release_memory()  # what a larger plan held counts as free
        machine = hardware.measure()
        torch.set_num_threads(machine.cores)  # before the probe: it measures what will be used
        size = size_of(source)
        plan = hardware.plan_for(config, machine, hardware.probe_precision(models_dir / "precision.json"), size, rung)
        name = "SmolLM2-135M-Instruct" if config.student == EMBEDDED_STUDENT else config.student
        weights = student_fingerprint(source)
        on_plan(_info(name, size.parameters, plan, weights))
        torch.set_num_threads(plan.threads)
        hardware.cap_gpu(plan, config.gpu_memory_cap_gb, machine, torch.cuda)
        with translate_oom(f"loading student {config.student!r}"):
            loaded = load_model(source, plan.precision, plan.device)
        return cls(loaded, name, plan, weights)

    def answer(self, questions: Sequence[Question], decoding: GenerationConfig, seed: int,
               adapter: Path | None) -> Iterator[list[Answer]]:
        with translate_oom(f"answering {len(questions)} questions"):
            rows = self._rows(adapter, len(questions))
            yield from generation.generate(rows, self.loaded.context, self.loaded.words, self.form,
                                           [(q.id, q.text) for q in questions], decoding, seed)

    def stream(self, question: str, decoding: GenerationConfig, seed: int, adapter: Path | None) -> Iterator[str]:
        """One answer piece by piece; joined, it is what `answer` gives."""
        with translate_oom("answering a question"):
            yield from streaming.stream(self._rows(adapter, 1), self.loaded.context, self.loaded.words, self.form,
                                        question_id(question), question, decoding, seed)

    def _rows(self, adapter: Path | None, asked: int) -> DecodeBatch:
        """What answers are made with: packed weights where they can be had, kept for the next call.

        No more places than questions: keys and values of an empty one take as much memory as those of a full one.
        """
        places = max(1, min(self.plan.answer_batch, asked))
        weights = self._weights(adapter)
        return HFDecodeBatch(self._model(adapter), places) if weights is None else decoder.LlamaDecodeBatch(weights,
                                                                                                            places)

    def _weights(self, adapter: Path | None) -> decoder.PackedLlamaWeights | None:
        """Packed weights, straight from the files where that can be; None for a model of another kind.

        A tuned copy of the library's is used up in packing, for memory has no room for three models.
        """
        key = self._key(adapter)
        if self._packed is None or self._packed[0] != key:
            plain = self._read(adapter)
            model = plain or self._model(adapter)
            if plain is None and not decoder.supports_decoding(model):
                return None
            self._packed = self._tuned = None
            with hardware.time_loading():
                self._packed = (key, decoder.PackedLlamaWeights(model, use_up=plain is None and adapter is not None))
        return self._packed[1]

    def _read(self, adapter: Path | None) -> Any:
        """The model as the files have it; None where the library has to read them."""
        plain = self.loaded.plain
        if plain is None or adapter is None:
            return plain and plain.with_weights()
        found = plain_adapter(adapter, plain.config.weights())
        return found and plain.with_weights(found.merged)

    def likelihoods(self, pairs: Sequence[tuple[str, str]], adapter: Path | None,
                    on_weighed: Callable[[int], None] = lambda _so_far: None) -> list[Likelihood]:
        with translate_oom(f"weighing {len(pairs)} answers"):
            if self.loaded.plain and (weights := self._weights(adapter)):
                losses = decoder.losses_of(weights)
            else:
                losses = likelihood.hf_losses(self._model(adapter))
            return likelihood.likelihoods(losses, self.loaded.context, self.loaded.words, self.form, pairs,
                                          on_weighed)

    def fits_context(self, question: str, answer_tokens: int) -> bool:
        return len(prompt_ids(self.loaded.words, self.form, question)) + answer_tokens <= self.loaded.context

    def fine_tune(self, examples: Sequence[TrainingExample], recipe: TrainingConfig, start: Path | None, to: Path,
                  on_step: Callable[[TrainingStep], None]) -> TrainingResult:
        with hardware.time_loading():
            from runner.student import trainer  # late: trl takes seconds to import, and only training needs it

        self._drop_tuned()
        try:
            with translate_oom(f"fine-tuning on {len(examples)} examples"):
                return trainer.fine_tune(self.loaded, self.form, examples, self._clamped_to_plan(recipe), start, to,
                                         on_step,
                                         self.plan.kept_tokens)
        finally:
            self.loaded.unload()
            hardware.release_memory()

    def _clamped_to_plan(self, recipe: TrainingConfig) -> TrainingConfig:
        """The recipe with no larger batch and no longer sequences than the plan has room for; examples per step
        stay as asked."""
        batch = min(recipe.batch_size, self.plan.batch_size)
        accumulation = recipe.gradient_accumulation * max(1, recipe.batch_size // batch)
        longest = min(recipe.max_sequence_tokens, self.plan.sequence_tokens or recipe.max_sequence_tokens)
        return dataclasses.replace(recipe, batch_size=batch, gradient_accumulation=accumulation,
                                   max_sequence_tokens=longest)

    def _model(self, adapter: Path | None) -> Any:
        """The base, or the base with an adapter; one tuned model is kept until another is asked for."""
        if adapter is None:
            if not self._can_merge:
                self._drop_tuned()
            return self.loaded.model
        from runner.student.lora import peft_adapter  # late: peft takes seconds to import

        key = self._key(adapter)
        if self._tuned is None or self._tuned[0] != key:
            self._drop_tuned()
            make = peft_adapter.merged_copy if self._can_merge else peft_adapter.with_adapter
            with hardware.time_loading():
                self._tuned = (key, make(self.loaded.model, adapter))
        return self._tuned[1]

    def _key(self, adapter: Path | None) -> str:
        """Names a model by its adapter's weights; empty for the base."""
        if adapter is None:
            return ""
        check_folder(adapter)
        return f"{adapter.resolve()} {weights_sha256(adapter)}"

    @property
    def _can_merge(self) -> bool:
        """A merged copy answers faster but takes the memory of a second model; 4-bit weights cannot take a merge."""
        return self.plan.precision != "nf4" and self.plan.device == "cpu"

    def _drop_tuned(self) -> None:
        """Let go of what only answering needs."""
        if self._tuned is not None and not self._can_merge:
            from runner.student.lora import peft_adapter

            peft_adapter.remove_adapter(self._tuned[1])
        self._tuned = self._packed = None
        hardware.release_memory()


def _info(name: str, parameters: int, plan: hardware.Plan, weights: str) -> StudentInfo:
    return StudentInfo(name, parameters, plan.precision, plan.device, plan.reason, plan.batch_size, plan.threads,
                       weights, plan.index)
