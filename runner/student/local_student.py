"""The student on this machine: loads the base model once and answers, scores and fine-tunes with it.

Combines the modules of this package; the base model's weights are never changed.
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
from runner.student.device_processes import DistributedTraining, devices_for, train_on_devices
from runner.student.inference import continuous_batching, likelihood, streaming
from runner.student.inference.decode_batch import DecodeBatch, HFDecodeBatch
from runner.student.llama_cpu import decoder
from runner.student.lora.adapter_files import check_folder, read_lora_weights, weights_sha256
from runner.student.models.bundled import student_source
from runner.student.models.loaded_model import LoadedModel
from runner.student.models.loader import load_model, size_of, student_fingerprint
from runner.student.oom_errors import translate_oom
from runner.student.prompt_template import prompt_ids, prompt_template_for
from store.run_config import EMBEDDED_STUDENT, RunConfig

_BATCHES_SIDE_BY_SIDE = 4
"""The most batches of likelihoods computed at a time on a CPU, each with up to 0.2 GB of logits."""


class LocalStudent:
    """Implements `protocols.StreamingStudent`. Not thread-safe."""

    def __init__(self, loaded: LoadedModel, name: str, plan: hardware.Plan, weights: str = "",
                 own_template: bool = True, source: str = "", devices: int = 1) -> None:
        """Combine a loaded model with its plan.

        Args:
            loaded, name, plan, weights: the model, what it is called, how it runs, and the hash of its weights.
            own_template: whether prompts follow its own chat template.
            source: where its weights are; needed to load it once more, a process a device.
            devices: how many it may be trained on.
        """
        self.loaded, self.plan, self.source, self.devices = loaded, plan, source, devices
        self.own_template = own_template
        self.template = prompt_template_for(loaded.tokenizer, own_template)
        self.info = _info(name, loaded.parameters, plan, weights)
        self._tuned_model: tuple[str, Any] | None = None
        self._packed_weights: tuple[str, decoder.PackedLlamaWeights] | None = None

    @classmethod
    def open(cls, config: RunConfig, models_dir: Path, plan_index: int = 0,
             on_plan: Callable[[StudentInfo], None] = lambda info: None) -> LocalStudent:
        """Load the configured student by the first memory plan from `plan_index` on that fits.

        `on_plan` is called with the plan before the model is loaded.

        Raises:
            ModelLoadFailed: the model cannot be loaded.
            OutOfMemory: memory ran out while loading.
            hardware.InsufficientMemory, hardware.NoSmallerPlan: no memory plan fits.
        """
        source = student_source(config.student, models_dir)
        if plan_index == 0:
            hardware.freeze_gc()
        hardware.release_memory()  # so that what a larger plan used counts as free
        machine = hardware.measure()
        torch.set_num_threads(machine.cores)  # before the benchmark, which measures with as many threads
        size = size_of(source)
        probe = hardware.probe_precision(models_dir / "precision.json")
        plan = hardware.plan_for(config, machine, probe, size, plan_index)
        name = "SmolLM2-135M-Instruct" if config.student == EMBEDDED_STUDENT else config.student
        weights = student_fingerprint(source)
        on_plan(_info(name, size.parameters, plan, weights))
        torch.set_num_threads(plan.threads)
        hardware.cap_gpu(plan, config.gpu_memory_cap_gb, machine, torch.cuda)
        with translate_oom(f"loading student {config.student!r}"):
            loaded = load_model(source, plan.precision, plan.device)
        devices = max(1, torch.cuda.device_count()) if plan.device == "cuda" else 1
        return cls(loaded, name, plan, weights, config.own_chat_template, source, devices)

    def answer(self, questions: Sequence[Question], decoding: GenerationConfig, seed: int,
               adapter: Path | None) -> Iterator[list[Answer]]:
        with translate_oom(f"answering {len(questions)} questions"):
            batch = self._decode_batch(adapter, len(questions))
            yield from continuous_batching.generate(batch, self.loaded.context, self.loaded.tokenizer, self.template,
                                                    [(q.id, q.text) for q in questions], decoding, seed)

    def stream(self, question: str, decoding: GenerationConfig, seed: int, adapter: Path | None) -> Iterator[str]:
        """Stream one answer in pieces; joined, they are the text that `answer` gives."""
        with translate_oom("answering a question"):
            yield from streaming.stream(self._decode_batch(adapter, 1), self.loaded.context, self.loaded.tokenizer,
                                        self.template, question_id(question), question, decoding, seed)

    def _decode_batch(self, adapter: Path | None, questions: int) -> DecodeBatch:
        """An empty decode batch for so many questions: our own decoder if it supports the model, else the library's.

        It has no more slots than questions, because an empty slot of the KV cache takes as much memory as a full one.
        """
        slots = max(1, min(self.plan.answer_batch, questions))
        weights = self._packed_weights_for(adapter)
        if weights is None:
            return HFDecodeBatch(self._model(adapter), slots)
        return decoder.LlamaDecodeBatch(weights, slots)

    def _packed_weights_for(self, adapter: Path | None) -> decoder.PackedLlamaWeights | None:
        """Packed weights, read directly from the files if possible, cached for one adapter; None if not supported.

        Packing consumes the library's merged copy, to avoid three copies of the model in memory.
        """
        key = self._cache_key(adapter)
        if self._packed_weights is None or self._packed_weights[0] != key:
            from_files = self._checkpoint_model(adapter)
            model = from_files or self._model(adapter)
            if from_files is None and not decoder.supports_decoding(model):
                return None
            self._packed_weights = self._tuned_model = None
            with hardware.time_loading():
                consume = from_files is None and adapter is not None
                self._packed_weights = (key, decoder.PackedLlamaWeights(model, consume))
        return self._packed_weights[1]

    def _checkpoint_model(self, adapter: Path | None) -> Any:
        """The model read directly from its files, with the adapter merged in; None if transformers must read it."""
        checkpoint = self.loaded.checkpoint
        if checkpoint is None or adapter is None:
            return checkpoint and checkpoint.as_model()
        lora = read_lora_weights(adapter, checkpoint.config.weights())
        return lora and checkpoint.as_model(lora.merged)

    def likelihoods(self, pairs: Sequence[tuple[str, str]], adapter: Path | None,
                    on_scored: Callable[[int], None] = lambda _so_far: None) -> list[Likelihood]:
        with translate_oom(f"scoring {len(pairs)} answers by likelihood"):
            if self.loaded.checkpoint and (weights := self._packed_weights_for(adapter)):
                losses, side_by_side = decoder.losses_of(weights), min(_BATCHES_SIDE_BY_SIDE, self.plan.threads)
            else:
                losses, side_by_side = likelihood.hf_losses(self._model(adapter)), 1
            return likelihood.likelihoods(losses, self.loaded.context, self.loaded.tokenizer, self.template, pairs,
                                          on_scored, side_by_side)

    def fits_context(self, question: str, answer_tokens: int) -> bool:
        return len(prompt_ids(self.loaded.tokenizer, self.template, question)) + answer_tokens <= self.loaded.context

    def fine_tune(self, examples: Sequence[TrainingExample], recipe: TrainingConfig, start: Path | None, to: Path,
                  on_step: Callable[[TrainingStep], None], until: int | None = None) -> TrainingResult:
        with hardware.time_loading():
            from runner.student import trainer  # late: trl takes seconds to import, and only training needs it

        self._drop_inference_models()
        try:
            if (devices := devices_for(self._clamped_to_plan(recipe), self.devices)) > 1:
                return self._fine_tune_on_devices(devices, examples, recipe, start, to, on_step, until)
            with translate_oom(f"fine-tuning on {len(examples)} examples"):
                return trainer.fine_tune(self.loaded, self.template, examples, self._clamped_to_plan(recipe), start, to,
                                         on_step, self.plan.kept_tokens, until)
        finally:
            self.loaded.unload()
            hardware.release_memory()

    def _fine_tune_on_devices(self, devices: int, examples: Sequence[TrainingExample], recipe: TrainingConfig,
                              start: Path | None, to: Path, on_step: Callable[[TrainingStep], None],
                              until: int | None) -> TrainingResult:
        self.loaded.unload()
        hardware.release_memory()
        training = DistributedTraining(
            self.source, self.plan.precision, self.plan.device, self.own_template, tuple(examples),
            self._clamped_to_plan(recipe), str(start) if start else None, str(to), self.plan.kept_tokens, until)
        return train_on_devices(training, devices, on_step)

    def _clamped_to_plan(self, recipe: TrainingConfig) -> TrainingConfig:
        """The recipe with batch size and sequence length limited to the plan's; examples per step stay as
        configured."""
        batch = min(recipe.batch_size, self.plan.batch_size)
        accumulation = recipe.gradient_accumulation * max(1, recipe.batch_size // batch)
        sequence_tokens = min(recipe.max_sequence_tokens, self.plan.sequence_tokens or recipe.max_sequence_tokens)
        return dataclasses.replace(recipe, batch_size=batch, gradient_accumulation=accumulation,
                                   max_sequence_tokens=sequence_tokens)

    def _model(self, adapter: Path | None) -> Any:
        """The library's base model, or with an adapter; the last tuned model is cached."""
        if adapter is None:
            if not self._can_merge:
                self._drop_inference_models()
            return self.loaded.model
        from runner.student.lora import peft_adapter  # late: peft takes seconds to import

        key = self._cache_key(adapter)
        if self._tuned_model is None or self._tuned_model[0] != key:
            self._drop_inference_models()
            make = peft_adapter.merged_copy if self._can_merge else peft_adapter.with_adapter
            with hardware.time_loading():
                self._tuned_model = (key, make(self.loaded.model, adapter))
        return self._tuned_model[1]

    def _cache_key(self, adapter: Path | None) -> str:
        """Identifies a model by its adapter's weights; empty for the base."""
        if adapter is None:
            return ""
        check_folder(adapter)
        return f"{adapter.resolve()} {weights_sha256(adapter)}"

    @property
    def _can_merge(self) -> bool:
        """A merged copy answers faster but takes the memory of a second model; 4-bit weights cannot be merged into."""
        return self.plan.precision != "nf4" and self.plan.device == "cpu"

    def _drop_inference_models(self) -> None:
        """Free the cached models that only inference needs."""
        if self._tuned_model is not None and not self._can_merge:
            from runner.student.lora import peft_adapter

            peft_adapter.remove_adapter(self._tuned_model[1])
        self._tuned_model = self._packed_weights = None
        hardware.release_memory()


def _info(name: str, parameters: int, plan: hardware.Plan, weights: str) -> StudentInfo:
    return StudentInfo(name, parameters, plan.precision, plan.device, plan.reason, plan.batch_size, plan.threads,
                       weights, plan.index)
