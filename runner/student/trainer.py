"""Fine-tune with LoRA or QLoRA. The only module that imports trl.

The loss covers the answers only, including the end tokens of those that end, and documents as a whole. A killed
training resumes from its last complete checkpoint with the same result as an uninterrupted one. The base model is
restored afterwards. On several devices this runs in one process a device (`device_processes`): all compute, the first
one writes.
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
from runner.student import checkpoint_files, ranks, training_checkpoints
from runner.student.errors import TrainingFailed
from runner.student.inference.likelihood import token_losses
from runner.student.llama_cpu.training_loss import ACTIVATION_SHARE, FusedLoraLoss, supports_training
from runner.student.lora import peft_adapter
from runner.student.lora.adapter_files import check_folder, weights_sha256
from runner.student.models.hf_loader import trainer_callbacks
from runner.student.models.loaded_model import LoadedModel
from runner.student.prompt_template import PromptTemplate, answer_ids, document_ids, prompt_ids
from store.event_log.journal import StopRequested

_GROUPS_SIDE_BY_SIDE = 2  # groups of rows of a batch on a CPU; measured with two threads
_SAVES = 6  # checkpoints per training: each takes a fraction of a second, and a kill loses at most a sixth

datasets.disable_progress_bars()
freeze_gc()
TrainerCallback, PrinterCallback = trainer_callbacks()


class CompletionTrainer(SFTTrainer):
    """TRL's trainer with the loss computed only at positions that have labels.

    Without Triton, TRL projects every position through the output layer and also computes entropies, a third of a step
    on two CPU cores. With `fused_loss`, forward and backward pass are our own.
    """

    tokens_seen = 0
    fused_loss: FusedLoraLoss | None = None

    def compute_loss(self, model: Any, inputs: dict[str, Any], return_outputs: bool = False,
                     num_items_in_batch: Any = None) -> Any:
        batch = inputs["input_ids"], inputs["attention_mask"], inputs["labels"]
        self.tokens_seen += int(inputs["attention_mask"].sum())
        count = (inputs["labels"][:, 1:] != -100).sum() if num_items_in_batch is None else num_items_in_batch
        loss = (self.fused_loss(*batch) if self.fused_loss else token_losses(model, *batch).sum()) / count
        return loss * ranks.processes()  # the labels of all processes are counted, and their gradients averaged

    def create_model_card(self, *_: Any, **__: Any) -> None:
        """Do nothing: a checkpoint needs no model card."""


class _TrainingCallback(TrainerCallback):  # type: ignore[misc,valid-type]
    """Report each optimizer step, stop on a loss that is not finite, save snapshots, mark checkpoints complete."""

    def __init__(self, on_step: Callable[[TrainingStep], None], fingerprint: str, earlier_seconds: float,
                 save_snapshot: Callable[[int], None], until: int | None = None) -> None:
        self.on_step, self.fingerprint, self.earlier_seconds = on_step, fingerprint, earlier_seconds
        self.save_snapshot, self.until = save_snapshot, until
        self.began = time.monotonic()
        self.trainer: CompletionTrainer | None = None
        self.stop: StopRequested | None = None

    @property
    def seconds(self) -> float:
        return time.monotonic() - self.began

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, float] | None = None, **_: Any) -> None:
        if not logs or "loss" not in logs or self.trainer is None:
            return
        tokens, loss = ranks.total(self.trainer.tokens_seen), float(logs["loss"])
        if not math.isfinite(loss):
            raise TrainingFailed(f"the loss became {loss} at step {state.global_step} of {state.max_steps}: use a "
                                 f"lower learning rate than {args.learning_rate:g}, or precision bf16 or fp32")
        step = TrainingStep(state.global_step, state.max_steps, loss, float(logs.get("learning_rate", 0.0)),
                            tokens, self.earlier_seconds + self.seconds)
        try:
            self.on_step(step)
        except StopRequested as stop:  # a user paused or cancelled; save a checkpoint, since the run may be resumed
            self.stop = stop
        if ranks.total(self.stop is not None):
            self.stop = self.stop or StopRequested("hand back")
            control.should_save = control.should_training_stop = True

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self.save_snapshot(state.global_step)  # before this step's checkpoint, so that resuming never misses one
        if state.global_step == self.until:
            control.should_save, control.should_training_stop = True, True

    def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        if self.trainer is None:
            return
        tokens = ranks.total(self.trainer.tokens_seen)  # which also waits until each has written its part
        if ranks.is_first():
            training_checkpoints.mark_complete(Path(args.output_dir) / f"checkpoint-{state.global_step}",
                                               self.fingerprint, state.global_step, tokens,
                                               self.earlier_seconds + self.seconds)


def fine_tune(loaded: LoadedModel, template: PromptTemplate, examples: Sequence[TrainingExample],
              recipe: TrainingConfig, start: Path | None, to: Path, on_step: Callable[[TrainingStep], None],
              uncheckpointed_tokens: int = 0, until: int | None = None) -> TrainingResult:
    """Train an adapter on the examples and save it in `to`; returns the result of a training already finished there.

    Args:
        loaded: the student; its weights are the same afterwards.
        template: its prompt template.
        examples: what it is trained on.
        recipe: hyperparameters.
        start: the adapter to start from; None: a new one.
        to: folder of the adapter, of its snapshots and of the training's checkpoints.
        on_step: called after each step; may raise to stop.
        uncheckpointed_tokens: number of tokens whose activations fit in memory, as the library's pass keeps them.
            Gradient checkpointing gives the same gradients in 1.5 times the time, so it is turned off where every
            batch is within that, and where our own pass can compute larger ones in groups of rows.
        until: one of `recipe.keep_at`, after which training stops. The result is then that of the snapshot, and the
            checkpoints stay, so that a later call goes on with the same steps as an uninterrupted training.

    Raises:
        TrainingFailed: no usable example, no layer to adapt, or a loss that is not finite.
        AdapterLoadFailed: `start` cannot be used.
    """
    if start is not None:
        check_folder(start)
    fingerprint = training_checkpoints.fingerprint(examples, recipe, start, loaded.model.config.name_or_path)
    saved = to if until is None else adapter_snapshot_path(to, until)
    finished = training_checkpoints.read_record(saved, fingerprint)
    if finished is not None:
        return finished
    rows, cut, left_out = training_rows(loaded.hf_tokenizer, template, examples, recipe.max_sequence_tokens)
    longest, side_by_side = max(map(len, rows["input_ids"])), min(_GROUPS_SIDE_BY_SIDE, torch.get_num_threads())
    group_tokens = int(uncheckpointed_tokens / ACTIVATION_SHARE) // side_by_side
    targets = peft_adapter.resolve_targets(loaded.model, recipe.target_modules)
    adapted = peft_adapter.add_adapter(loaded.model, recipe, targets, start)
    fused_loss = None
    try:
        if (supports_training(adapted) and ranks.processes() == 1
                and (longest <= group_tokens or not recipe.gradient_checkpointing)):
            fused_loss = FusedLoraLoss(adapted, group_tokens if recipe.gradient_checkpointing else None, side_by_side)
        if fused_loss or recipe.batch_size * longest <= uncheckpointed_tokens:
            recipe = dataclasses.replace(recipe, gradient_checkpointing=False)
        training = dataclasses.replace(_train(loaded, adapted, fused_loss, rows, recipe, to, fingerprint, on_step,
                                              targets, until), cut=cut, left_out=left_out)
    finally:
        if fused_loss:
            fused_loss.release()
        restore_base_model(loaded.model, adapted)
    if ranks.is_first():
        training_checkpoints.write_record(saved, training, fingerprint)
    return training


def training_rows(tokenizer: Any, template: PromptTemplate, examples: Sequence[TrainingExample],
                  max_tokens: int) -> tuple[Any, int, int]:
    """Token ids and a mask of the tokens with a loss, cut to `max_tokens`; how many were cut, and how many left out.

    TRL turns the mask into labels. An example is left out that has no answer, or none within that length.

    Raises:
        TrainingFailed: no example has an answer within that length.
    """
    rows, cut = [], 0
    for example in examples:
        prompt, answer = example_ids(tokenizer, template, example)
        if example.answer.strip() and len(prompt) < max_tokens:
            cut += len(prompt) + len(answer) > max_tokens
            rows.append({"input_ids": (prompt + answer)[:max_tokens],
                         "completion_mask": ([0] * len(prompt) + [1] * len(answer))[:max_tokens]})
    if not rows:
        raise TrainingFailed(f"none of {len(examples)} examples has an answer within {max_tokens} tokens: "
                             "raise max_sequence_tokens or check the references")
    return datasets.Dataset.from_list(rows), cut, len(examples) - len(rows)


def example_ids(tokenizer: Any, template: PromptTemplate, example: TrainingExample) -> tuple[list[int], list[int]]:
    """Token ids without and with a loss; a document has no prompt, and an opening no end token."""
    if example.question:
        prompt, answer = (prompt_ids(tokenizer, template, example.question),
                          answer_ids(tokenizer, template, example.answer))
    else:
        prompt, answer = [], document_ids(tokenizer, template, example.answer)
    return prompt, answer if example.complete else answer[:-1]


def _train(loaded: LoadedModel, adapted: Any, fused_loss: FusedLoraLoss | None, rows: Any, recipe: TrainingConfig,
           to: Path, fingerprint: str, on_step: Callable[[TrainingStep], None],
           targets: peft_adapter.Targets, until: int | None) -> TrainingResult:
    with ranks.first_process_first():
        resume = training_checkpoints.resume_point(to, fingerprint)
    callback = _TrainingCallback(on_step, fingerprint, resume.seconds if resume else 0.0,
                                 partial(_save_snapshot, adapted, recipe, to), until)
    trainer = CompletionTrainer(
        model=adapted, args=_settings(recipe, to / checkpoint_files.FOLDER, loaded, autocast=fused_loss is None),
        train_dataset=rows, processing_class=loaded.hf_tokenizer, callbacks=[callback])
    trainer.fused_loss = fused_loss
    trainer.remove_callback(PrinterCallback)  # it prints each log entry
    trainer.tokens_seen = resume.tokens if resume and ranks.is_first() else 0
    callback.trainer = trainer
    if resume and resume.step == until:  # killed between its checkpoint and its record
        losses = training_checkpoints.logged_losses(resume.folder)
    else:
        trainer.train(resume_from_checkpoint=str(resume.folder) if resume else None)
        losses = [float(entry["loss"]) for entry in trainer.state.log_history if "loss" in entry]
    if callback.stop:
        raise callback.stop
    saved = to if until is None else adapter_snapshot_path(to, until)
    with ranks.first_process_first():
        if until is None and ranks.is_first():
            peft_adapter.save(adapted, to)
    return TrainingResult(
        adapter=str(saved), steps=until or trainer.state.global_step, adapter_sha256=weights_sha256(saved),
        seconds=callback.earlier_seconds + callback.seconds, tokens=ranks.total(trainer.tokens_seen),
        first_loss=losses[0],
        last_loss=losses[-1], trainable_parameters=peft_adapter.trainable_parameters(adapted),
        matched_modules=targets.counts, unmatched_targets=targets.unmatched)


def _save_snapshot(adapted: Any, recipe: TrainingConfig, to: Path, step: int) -> None:
    if step in recipe.keep_at and ranks.is_first():
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
        train_sampling_strategy="sequential" if recipe.in_order else "random",
        completion_only_loss=True, packing=False, dataset_num_proc=None, dataloader_num_workers=0,
        dataloader_pin_memory=not on_cpu, logging_steps=1, logging_nan_inf_filter=False, report_to="none",
        disable_tqdm=True, save_strategy="steps", save_steps=max(1, math.ceil(recipe.steps / _SAVES)),
        save_total_limit=2)


def restore_base_model(base: Any, adapted: Any) -> None:
    """Undo training's changes to the base model: adapter, hooks, gradient checkpointing, TRL's patched forward."""
    peft_adapter.remove_adapter(adapted)
    base.disable_input_require_grads()
    if base.is_activation_checkpointing:
        base.activation_checkpointing_disable()
    base.__dict__.pop("forward", None)
