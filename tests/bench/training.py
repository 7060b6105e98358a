"""Training tokens per second: our trainer against TRL's in the same precision and batch size, and against the machine.

The reference: TRL's `SFTTrainer` on the bf16 model with batches of 4, without activation checkpointing (a batch this
small needs none, and recomputing the forward pass would only slow it down), loss on answers only, every other setting
at TRL's default. Both train on the same examples from the same adapter weights, at the beginning of a training of the
usual length; ours saves one checkpoint meanwhile, as it does every tenth step.
"""

from __future__ import annotations

import contextlib
import dataclasses
import statistics
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from unittest import mock

import torch

from knowledge.domain import domain_of
from knowledge.kubernetes.notes import read_notes
from knowledge.kubernetes.topics import TOPICS
from knowledge.questions import PRACTICE
from runner import hardware
from runner.protocols import TrainingConfig, TrainingExample, TrainingStep
from runner.student import trainer as trainer_module
from runner.student.llama_cpu.training_loss import FusedLoraLoss
from runner.student.local_student import LocalStudent
from runner.student.lora import peft_adapter
from runner.student.models.hf_loader import trainer_callbacks
from runner.teacher.offline_teacher import OfflineTeacher
from store.event_log.journal import StopRequested
from store.paths import default_paths
from tests.bench.machine import limits
from tests.bench.row import Row
from tests.plain_runs import plain_run

EXAMPLES, STEPS, ROUNDS = 24, 11, 2
PLANNED_STEPS, BATCH = 60, 4
REFERENCE = "TRL's trainer, bf16, batch 4"


def measure_training() -> list[Row]:
    """Both trainers in turn; the first step of each, where kernels are chosen, is left out."""
    hardware.configure_native_libraries()
    student = LocalStudent.open(plain_run(precision="bf16"), default_paths().models)
    examples = _examples()
    reference, ours = [], []
    for _ in range(ROUNDS):
        reference.append(_trl(student, examples))
        ours.append(_ours(student, examples))
    rate, reference_rate = (statistics.median(run.rate for run in runs) for runs in (ours, reference))
    share, limit = _label_share(student, examples), limits(student.loaded.model.dtype).flops
    work, alone = _flops_per_token(student, share), _products(student, ours[0].batches, share)
    return [
        Row(REFERENCE, reference_rate, "tokens/s"),
        Row(f"ours, bf16, batch {BATCH}", rate, "tokens/s", rate / reference_rate, REFERENCE, ">= 1.50 x"),
        Row("products of our training", rate * work / 1e9, "GFLOP/s", rate * work / limit,
            "the machine's large matrix products", ">= 0.40 x"),
        Row("a step that is nothing but its products, those of the adapters too", alone * work / 1e9, "GFLOP/s",
            alone * work / limit, "the machine's large matrix products"),
        Row("of our steps outside of the forward and backward pass: trainer, optimizer, a checkpoint",
            100 * statistics.median(run.outside for run in ours), "%", goal="< 10 %"),
        Row("padding in the batches as they are drawn", 100 * ours[0].padding, "%"),
        Row("padding in what our pass multiplies, attention included", 100 * _padded_products(student, ours[0].batches),
            "%", goal="< 5 %"),
        Row(f"loss of our step {STEPS}", ours[0].last_loss, "nats/token", ours[0].last_loss / reference[0].last_loss,
            f"TRL's, after {reference[0].tokens} and {ours[0].tokens} tokens", "the same"),
    ]


@dataclasses.dataclass(frozen=True)
class _Run:
    rate: float
    tokens: int
    last_loss: float
    outside: float = 0.0
    """Share of the steps' time that was spent outside of the forward and backward pass."""
    batches: tuple[tuple[int, ...], ...] = ()
    """The lengths of each batch's sequences."""

    @property
    def padding(self) -> float:
        places = sum(len(batch) * max(batch) for batch in self.batches)
        return 1 - sum(map(sum, self.batches)) / places


class _Watch:
    """Notes when the passes of a training ran, and on what."""

    def __init__(self) -> None:
        self.passes: list[tuple[float, float]] = []
        self.batches: list[tuple[int, ...]] = []

    def __enter__(self) -> _Watch:
        self._patch = mock.patch.object(FusedLoraLoss, "with_gradients", self._timed(FusedLoraLoss.with_gradients))
        self._patch.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._patch.stop()

    def outside(self, began: float, ended: float) -> float:
        """The share of a stretch of time in which no pass ran."""
        return 1 - sum(until - since for since, until in self.passes if began <= since < ended) / (ended - began)

    def _timed(self, real: Any) -> Any:
        def timed(loss: FusedLoraLoss, *given: Any) -> Any:
            self.batches.append(tuple(given[1].sum(1).tolist()))
            began = time.perf_counter()
            try:
                return real(loss, *given)
            finally:
                self.passes.append((began, time.perf_counter()))
        return timed


def _examples() -> list[TrainingExample]:
    domain, teacher = domain_of("Kubernetes v1.28", list(read_notes())), OfflineTeacher()
    asked = teacher.ask_questions(domain, [topic.slug for topic in TOPICS], EXAMPLES, PRACTICE, 1, [])
    return [TrainingExample(one.text, text) for one in asked if (text := teacher.write_reference(domain, one).text)]


def _recipe() -> TrainingConfig:
    config = plain_run()
    return TrainingConfig(PLANNED_STEPS, config.learning_rate, BATCH, 1, True, config.lora_rank,
                          config.lora_alpha,
                          config.lora_dropout, config.target_modules, config.max_sequence_tokens, 1)


def _run(steps: Sequence[tuple[float, int, float]]) -> _Run:
    """Of moment, tokens and loss of each step."""
    (began, before, _), (ended, after, loss) = steps[0], steps[-1]
    return _Run((after - before) / (ended - began), after, loss)


def _ours(student: LocalStudent, examples: list[TrainingExample]) -> _Run:
    steps: list[tuple[float, int, float]] = []

    def told(step: TrainingStep) -> None:
        steps.append((time.perf_counter(), step.tokens, step.loss))
        if len(steps) == STEPS:
            raise StopRequested("cancel")

    with tempfile.TemporaryDirectory() as folder, _Watch() as watch, contextlib.suppress(StopRequested):
        student.fine_tune(examples, _recipe(), None, Path(folder), told)
    return dataclasses.replace(_run(steps), outside=watch.outside(steps[0][0], steps[-1][0]),
                               batches=tuple(watch.batches))


def _padded_products(student: LocalStudent, batches: Sequence[Sequence[int]]) -> float:
    """The share of the multiplications that padding takes: linear layers work on real tokens, attention on whole
    rows."""
    model = student.loaded.model
    linear = 2 * (student.loaded.parameters - model.lm_head.weight.numel())
    a_place = 4 * model.config.num_hidden_layers * model.config.hidden_size  # scores and what they weigh
    real = sum(map(sum, batches)) * linear
    whole = a_place * sum(len(batch) * max(batch) ** 2 for batch in batches)
    needed = a_place * sum(length**2 for batch in batches for length in batch)
    return (whole - needed) / (real + whole)


def _trl(student: LocalStudent, examples: list[TrainingExample]) -> _Run:
    from peft import LoraConfig, get_peft_model
    from trl import SFTConfig, SFTTrainer

    recipe, loaded = _recipe(), student.loaded
    callback, printer = trainer_callbacks()
    steps: list[tuple[float, int, float]] = []

    class Teller(callback):  # type: ignore[misc,valid-type]
        def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, Any] | None = None, **_: Any) -> None:
            if logs and "loss" in logs:
                steps.append((time.perf_counter(), int(logs["num_tokens"]), float(logs["loss"])))
                control.should_training_stop = len(steps) == STEPS

    rows, _, _ = trainer_module.training_rows(loaded.hf_tokenizer, student.template, examples,
                                              recipe.max_sequence_tokens)
    torch.manual_seed(recipe.seed)  # the same first weights of the adapter as ours
    adapted = get_peft_model(loaded.model, LoraConfig(
        r=recipe.lora_rank, lora_alpha=recipe.lora_alpha, lora_dropout=recipe.lora_dropout, bias="none",
        task_type="CAUSAL_LM", target_modules=list(recipe.target_modules)))
    try:
        with tempfile.TemporaryDirectory() as folder:
            trainer = SFTTrainer(model=adapted, train_dataset=rows, processing_class=loaded.hf_tokenizer,
                                 callbacks=[Teller()], args=SFTConfig(
                                     output_dir=folder, max_steps=PLANNED_STEPS, per_device_train_batch_size=BATCH,
                                     gradient_checkpointing=False, learning_rate=recipe.learning_rate, warmup_steps=1,
                                     completion_only_loss=True, use_cpu=True, bf16=True, logging_steps=1,
                                     save_strategy="no", report_to="none", disable_tqdm=True, seed=1, data_seed=1))
            trainer.remove_callback(printer)
            trainer.train()
    finally:
        trainer_module.restore_base_model(loaded.model, adapted)
    return _run(steps)


def _label_share(student: LocalStudent, examples: list[TrainingExample]) -> float:
    rows, _, _ = trainer_module.training_rows(student.loaded.hf_tokenizer, student.template, examples, 512)
    return sum(map(sum, rows["completion_mask"])) / sum(map(len, rows["input_ids"]))


def _flops_per_token(student: LocalStudent, share: float) -> float:
    """2 a weight forward and 2 backward (frozen weights need no gradient); the output layer where labels are."""
    head = student.loaded.model.lm_head.weight.numel()
    return 4 * (student.loaded.parameters - head + share * head)


def _products(student: LocalStudent, batches: Sequence[Sequence[int]], share: float) -> float:
    """Tokens a second of passes that are nothing but their products: what all the rest could at best come to.

    They are of a hidden size of hundreds and as many rows as a batch has tokens, or thin ones of an adapter's rank.
    """
    recipe, model = _recipe(), student.loaded.model
    adapted = peft_adapter.add_adapter(model, recipe, peft_adapter.resolve_targets(model, recipe.target_modules), None)
    loss = FusedLoraLoss(adapted)
    linears = loss.linears
    outs = [[torch.empty_like(part, dtype=model.dtype) for part in linear.gradient_parts] for linear in linears]
    inputs = {width: torch.randn(max(map(sum, batches)), width).to(model.dtype)
              for width in {linear.in_features for linear in linears}}
    try:
        with torch.no_grad():
            for step, tokens in enumerate(map(sum, batches)):
                if step == 1:  # the first chooses kernels
                    began = time.perf_counter()
                made = [linear.forward(inputs[linear.in_features][:tokens], None) for linear in linears]
                (inputs[model.config.hidden_size][: round(share * tokens)] @ loss.head.t()) @ loss.head
                for linear, (result, saved), out in zip(reversed(linears), reversed(made), reversed(outs), strict=True):
                    linear.backward(result, saved, out)
        return sum(map(sum, batches[1:])) / (time.perf_counter() - began)
    finally:
        loss.release()
        trainer_module.restore_base_model(model, adapted)
