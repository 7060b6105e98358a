"""Fine-tuning with QLoRA: the one door to trl.

Loss on the answers only, their end tokens included. A training that was killed goes on from its last sealed
checkpoint and ends where it would have ended. The base model is given back as it came.
"""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import datasets
import torch
from trl import SFTConfig, SFTTrainer

from runner.hardware import freeze_gc
from runner.protocols import TrainingConfig, TrainingExample, TrainingResult, TrainingStep, adapter_snapshot_path
from runner.student import training_checkpoints
from runner.student.errors import TrainingFailed
from runner.student.inference.likelihood import token_losses
from runner.student.llama_cpu.training_loss import FusedLoraLoss, supports_training
from runner.student.lora import peft_adapter
from runner.student.lora.adapter_files import check_folder
from runner.student.models.hf_loader import trainer_callbacks
from runner.student.models.loaded_model import LoadedModel
from runner.student.prompt_template import PromptTemplate, answer_ids, prompt_ids
from store.event_log.journal import StopRequested

_SAVES = 6  # checkpoints a training: each costs a fraction of a second, a kill costs at most a sixth

datasets.disable_progress_bars()
freeze_gc()
TrainerCallback, PrinterCallback = trainer_callbacks()


class CompletionTrainer(SFTTrainer):
    """TRL's trainer with the loss computed where labels are.

    Off Triton TRL projects every position through the output layer and also works out entropies; on two CPU cores
    that is a third of a step. Where the model fits, its whole pass is our own.
    """

    tokens_seen = 0
    lean: FusedLoraLoss | None = None

    def compute_loss(self, model: Any, inputs: dict[str, Any], return_outputs: bool = False,
                     num_items_in_batch: Any = None) -> Any:
        given = inputs["input_ids"], inputs["attention_mask"], inputs["labels"]
        self.tokens_seen += int(inputs["attention_mask"].sum())
        count = (inputs["labels"][:, 1:] != -100).sum() if num_items_in_batch is None else num_items_in_batch
        return (self.lean(*given) if self.lean else token_losses(model, *given).sum()) / count

    def create_model_card(self, *_: Any, **__: Any) -> None:
        """None: a checkpoint needs no README."""


class _TrainingCallback(TrainerCallback):  # type: ignore[misc,valid-type]
    """Tells of each optimizer step, stops on a loss that is no number, seals checkpoints."""

    def __init__(self, on_step: Callable[[TrainingStep], None], fingerprint: str, earlier_seconds: float,
                 keep: Callable[[int], None]) -> None:
        self.on_step, self.fingerprint, self.earlier_seconds = on_step, fingerprint, earlier_seconds
        self.keep = keep
        self.began = time.monotonic()
        self.trainer: CompletionTrainer | None = None
        self.stop: StopRequested | None = None

    @property
    def seconds(self) -> float:
        return time.monotonic() - self.began

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, float] | None = None, **_: Any) -> None:
        if not logs or "loss" not in logs or self.trainer is None:
            return
        loss = float(logs["loss"])
        if not math.isfinite(loss):
            raise TrainingFailed(f"the loss became {loss} at step {state.global_step} of {state.max_steps}: use a "
                                 f"lower learning rate than {args.learning_rate:g}, or precision bf16 or fp32")
        step = TrainingStep(state.global_step, state.max_steps, loss, float(logs.get("learning_rate", 0.0)),
                            self.trainer.tokens_seen, self.earlier_seconds + self.seconds)
        try:
            self.on_step(step)
        except StopRequested as stop:  # asked for by a person, who may want to go on later: save where it stands
            self.stop, control.should_save, control.should_training_stop = stop, True, True

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self.keep(state.global_step)  # before this step's checkpoint: a checkpoint never lacks a copy before it

    def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        if self.trainer is not None:
            training_checkpoints.mark_complete(Path(args.output_dir) / f"checkpoint-{state.global_step}",
                                               self.fingerprint,
                                               state.global_step, self.trainer.tokens_seen,
                                               self.earlier_seconds + self.seconds)


def fine_tune(loaded: LoadedModel, form: PromptTemplate, examples: Sequence[TrainingExample], recipe: TrainingConfig,
              start: Path | None,
              to: Path, on_step: Callable[[TrainingStep], None], kept_tokens: int = 0) -> TrainingResult:
    """Train an adapter on the examples and save it in `to`; a training already finished there is returned as it is.

    `kept_tokens` is how many tokens' activations memory has room for: where a batch is no longer, gradient
    checkpointing, which gives the same gradients for half as much time again, is left out though asked for.

    Raises:
        TrainingFailed: nothing to train on, no layer to adapt, or a loss that is no number.
        AdapterLoadFailed: `start` cannot be used.
    """
    if start is not None:
        check_folder(start)
    mark = training_checkpoints.fingerprint(examples, recipe, start, loaded.model.config.name_or_path)
    finished = training_checkpoints.read_record(to, mark)
    if finished is not None:
        return finished
    rows = training_rows(loaded.tokenizer, form, examples, recipe.max_sequence_tokens)
    if recipe.batch_size * max(map(len, rows["input_ids"])) <= kept_tokens:
        recipe = dataclasses.replace(recipe, gradient_checkpointing=False)
    targets = peft_adapter.resolve_targets(loaded.model, recipe.target_modules)
    adapted = peft_adapter.add_adapter(loaded.model, recipe, targets, start)
    lean = None
    try:
        if not recipe.gradient_checkpointing and supports_training(adapted):
            lean = FusedLoraLoss(adapted)
        training = _train(loaded, adapted, lean, rows, recipe, to, mark, on_step, targets)
    finally:
        if lean:
            lean.release()
        restore_base_model(loaded.model, adapted)
    training_checkpoints.write_record(to, training, mark)
    return training


def training_rows(tokenizer: Any, form: PromptTemplate, examples: Sequence[TrainingExample], longest: int) -> Any:
    """Token ids and a mask of the answer's tokens, cut to the longest length; TRL turns the mask into labels.

    Raises:
        TrainingFailed: no example has an answer within that length.
    """
    rows = []
    for example in examples:
        prompt, answer = prompt_ids(tokenizer, form, example.question), answer_ids(tokenizer, form, example.answer)
        if example.answer.strip() and len(prompt) < longest:
            rows.append({"input_ids": (prompt + answer)[:longest],
                         "completion_mask": ([0] * len(prompt) + [1] * len(answer))[:longest]})
    if not rows:
        raise TrainingFailed(f"none of {len(examples)} examples has an answer within {longest} tokens: "
                             "raise max_sequence_tokens or look at the references")
    return datasets.Dataset.from_list(rows)


def _train(loaded: LoadedModel, adapted: Any, lean: FusedLoraLoss | None, rows: Any, recipe: TrainingConfig, to: Path,
           mark: str,
           on_step: Callable[[TrainingStep], None], targets: peft_adapter.Targets) -> TrainingResult:
    progress = training_checkpoints.resume_point(to, mark)
    reporter = _TrainingCallback(on_step, mark, progress.seconds if progress else 0.0,
                                 partial(_save_snapshot, adapted, recipe, to))
    trainer = CompletionTrainer(
        model=adapted, args=_settings(recipe, to / training_checkpoints.FOLDER, loaded, autocast=lean is None),
        train_dataset=rows, processing_class=loaded.tokenizer, callbacks=[reporter])
    trainer.lean = lean
    trainer.remove_callback(PrinterCallback)  # it writes each log to standard output
    trainer.tokens_seen = progress.tokens if progress else 0
    reporter.trainer = trainer
    trainer.train(resume_from_checkpoint=str(progress.folder) if progress else None)
    if reporter.stop:
        raise reporter.stop
    losses = [float(entry["loss"]) for entry in trainer.state.log_history if "loss" in entry]
    return TrainingResult(
        adapter=str(to), adapter_sha256=peft_adapter.save(adapted, to), steps=trainer.state.global_step,
        seconds=reporter.earlier_seconds + reporter.seconds, tokens=trainer.tokens_seen, first_loss=losses[0],
        last_loss=losses[-1], trainable_parameters=peft_adapter.trainable_parameters(adapted),
        matched_modules=targets.counts, unmatched_targets=targets.unmatched)


def _save_snapshot(adapted: Any, recipe: TrainingConfig, to: Path, step: int) -> None:
    if step in recipe.keep_at:
        peft_adapter.save(adapted, adapter_snapshot_path(to, step))


def _settings(recipe: TrainingConfig, folder: Path, loaded: LoadedModel, autocast: bool = True) -> SFTConfig:
    on_cpu = loaded.model.device.type == "cpu"
    half = {"bf16": autocast and loaded.model.dtype == torch.bfloat16,
            "fp16": autocast and loaded.model.dtype == torch.float16}
    return SFTConfig(
        output_dir=str(folder), max_steps=recipe.steps, learning_rate=recipe.learning_rate,
        per_device_train_batch_size=recipe.batch_size, gradient_accumulation_steps=recipe.gradient_accumulation,
        activation_checkpointing=recipe.gradient_checkpointing, max_length=recipe.max_sequence_tokens,
        lr_scheduler_type="linear", warmup_steps=max(1, recipe.steps // 20), weight_decay=0.0, max_grad_norm=1.0,
        seed=recipe.seed, data_seed=recipe.seed, use_cpu=on_cpu, **half,
        completion_only_loss=True, packing=False, dataset_num_proc=None, dataloader_num_workers=0,
        dataloader_pin_memory=not on_cpu, logging_steps=1, logging_nan_inf_filter=False, report_to="none",
        disable_tqdm=True, save_strategy="steps", save_steps=max(1, math.ceil(recipe.steps / _SAVES)),
        save_total_limit=2)


def restore_base_model(base: Any, adapted: Any) -> None:
    """Undo everything that training did to the base: adapter, hooks, checkpointing, TRL's patched forward."""
    peft_adapter.remove_adapter(adapted)
    base.disable_input_require_grads()
    if base.is_activation_checkpointing:
        base.activation_checkpointing_disable()
    base.__dict__.pop("forward", None)
