"""Fine-tuning on tiny models: labels, targets, checkpoints, and the base left as it came."""

from __future__ import annotations

import dataclasses
import gc
import shutil
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from runner.protocols import (
    GenerationConfig, TrainingConfig, TrainingExample, TrainingResult, TrainingStep, adapter_snapshot_path,
)
from runner.student import training_checkpoints
from runner.student import trainer as trainer_module
from runner.student.errors import AdapterLoadFailed, TrainingFailed
from runner.student.local_student import LocalStudent
from runner.student.lora import peft_adapter
from runner.student.lora.cpu_dropout import ByteDropout
from store.run_config import DEFAULT_TARGET_MODULES
from tests.runner.tiny_models import llama_folder, phi_folder, student

RECIPE = TrainingConfig(steps=6, learning_rate=1e-2, batch_size=2, gradient_accumulation=1,
                        gradient_checkpointing=False,
                        lora_rank=4, lora_alpha=8, lora_dropout=0.05, target_modules=DEFAULT_TARGET_MODULES,
                        max_sequence_tokens=64,
                        seed=3)
EXAMPLES = [TrainingExample("What is a Pod?", "A group of containers."),
            TrainingExample("What does a Service do?", "It routes."),
            TrainingExample("Who picks a node?", "The scheduler picks a node for each new Pod."),
            TrainingExample("Why?", "So.")]
DECODING = GenerationConfig(8, 0.0, 0.95, 50, 1.1, 60)
QUESTIONS: list[Any] = [SimpleNamespace(id="a", text="What is a Pod?"), SimpleNamespace(id="b", text="Why?")]


@pytest.fixture(scope="module", autouse=True)
def _imported_objects_need_no_collecting() -> Iterator[None]:
    """Each training collects garbage three times; without the libraries' own objects that takes no time."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.fixture
def llama(tmp_path: Path) -> LocalStudent:
    return student(llama_folder(tmp_path / "llama"))


def train(of: LocalStudent, to: Path, recipe: TrainingConfig = RECIPE, start: Path | None = None,
          steps: list[TrainingStep] | None = None, examples: list[TrainingExample] = EXAMPLES) -> TrainingResult:
    return of.fine_tune(examples, recipe, start, to, (steps if steps is not None else []).append)


def answer_texts(of: LocalStudent, adapter: Path | None = None) -> list[str | None]:
    return [answer.text for part in of.answer(QUESTIONS, DECODING, 1, adapter) for answer in part]


@pytest.mark.parametrize("folder", [llama_folder, phi_folder], ids=["pad is eos", "no pad token"])
def test_only_the_answer_and_its_end_token_are_labels(folder: Any, tmp_path: Path) -> None:
    tiny = student(folder(tmp_path / "model"))
    rows, cut, left_out = trainer_module.training_rows(tiny.loaded.hf_tokenizer, tiny.template, EXAMPLES, 64)
    assert (cut, left_out) == (0, 0)
    adapted = peft_adapter.add_adapter(tiny.loaded.model, RECIPE,
                                       peft_adapter.resolve_targets(tiny.loaded.model, DEFAULT_TARGET_MODULES), None)
    settings = trainer_module._settings(RECIPE, tmp_path / "out", tiny.loaded)
    trainer = trainer_module.CompletionTrainer(model=adapted, args=settings, train_dataset=rows,
                                               processing_class=tiny.loaded.hf_tokenizer)
    batch = trainer.data_collator([trainer.train_dataset[at] for at in range(4)])
    assert tiny.loaded.hf_tokenizer.pad_token_id == tiny.template.end_id
    for example, ids, labels, mask in zip(EXAMPLES, batch["input_ids"], batch["labels"], batch["attention_mask"]):
        kept = labels[labels != -100].tolist()
        assert tiny.loaded.hf_tokenizer.decode(kept[:-1]).strip() == example.answer
        assert kept[-1] == tiny.template.end_id
        assert (labels[mask == 0] == -100).all()
        first = int((labels != -100).nonzero()[0])
        assert tiny.loaded.hf_tokenizer.decode(ids[:first]).endswith(tiny.template.after)


def test_an_opening_has_no_end_token_and_a_document_is_learned_as_a_whole(llama: LocalStudent) -> None:
    words, template = llama.loaded.hf_tokenizer, llama.template
    (whole, opening, document), _, _ = trainer_module.training_rows(words, template, [
        TrainingExample("What is a Pod?", "A group"), TrainingExample("What is a Pod?", "A group", complete=False),
        TrainingExample("", "A Pod is a group of containers.")], 64)
    assert opening["input_ids"] == whole["input_ids"][:-1] and whole["input_ids"][-1] == template.end_id
    assert opening["completion_mask"] == whole["completion_mask"][:-1]
    assert set(document["completion_mask"]) == {1} and document["input_ids"][-1] == template.end_id
    assert words.decode(document["input_ids"][:-1]).strip() == "A Pod is a group of containers."


def test_what_is_longer_than_the_longest_sequence_is_counted(llama: LocalStudent, tmp_path: Path) -> None:
    long = "A Pod is a group of containers that share network and storage. " * 3
    examples = [TrainingExample("What is a Pod?", "A group"), TrainingExample("What is a Pod?", long),
                TrainingExample(long * 2, "A group"), TrainingExample("What is a Pod?", " ")]
    found = train(llama, tmp_path / "adapter", dataclasses.replace(RECIPE, max_sequence_tokens=64), examples=examples)
    assert (found.cut, found.left_out) == (1, 2)
    assert train(llama, tmp_path / "adapter", dataclasses.replace(RECIPE, max_sequence_tokens=64),
                 examples=examples) == found  # as recorded beside the adapter


def test_openings_and_documents_lower_the_loss(llama: LocalStudent, tmp_path: Path) -> None:
    examples = [TrainingExample("Why?", "So be it, always and everywhere.", complete=False),
                TrainingExample("", "A Pod is a group of containers.")]
    found = train(llama, tmp_path / "adapter", dataclasses.replace(RECIPE, steps=20), examples=examples)
    assert found.last_loss < 0.8 * found.first_loss


def test_examples_in_order_are_shown_in_order(llama: LocalStudent, tmp_path: Path,
                                              monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[int] = []
    compute = trainer_module.CompletionTrainer.compute_loss

    def noting(self: Any, model: Any, inputs: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        shown.extend(inputs["attention_mask"].sum(1).tolist())
        return compute(self, model, inputs, *args, **kwargs)
    monkeypatch.setattr(trainer_module.CompletionTrainer, "compute_loss", noting)
    examples = [TrainingExample("Why?", "So be it. " * number) for number in range(1, 7)]
    in_order = dataclasses.replace(RECIPE, steps=3, in_order=True)
    train(llama, tmp_path / "in order", in_order, examples=examples)
    assert shown == sorted(shown) and len(shown) == 6
    shown.clear()
    train(llama, tmp_path / "shuffled", dataclasses.replace(in_order, in_order=False), examples=examples)
    assert shown != sorted(shown) and len(shown) == 6


def test_a_training_of_plain_pairs_keeps_the_fingerprint_that_its_checkpoints_have() -> None:
    plain = training_checkpoints.fingerprint([TrainingExample("Why?", "So.")], RECIPE, None, "tiny")
    assert plain == "05a536fa6c8cafefb881bd691dfba4537191f20a693125605b94261409e13a2e"
    assert training_checkpoints.fingerprint([TrainingExample("Why?", "So.", complete=False)], RECIPE, None,
                                            "tiny") != plain


def test_the_missions_seven_names_mean_all_six_layers_of_phi(tmp_path: Path) -> None:
    found = peft_adapter.resolve_targets(student(phi_folder(tmp_path)).loaded.model, DEFAULT_TARGET_MODULES)
    assert sorted(found.names) == ["dense", "fc1", "fc2", "k_proj", "q_proj", "v_proj"]
    assert found.unmatched == ("o_proj", "gate_proj", "up_proj", "down_proj")
    assert "q_proj x 2" in found.counts


def test_names_that_all_fit_are_taken_as_they_are(llama: LocalStudent) -> None:
    model = llama.loaded.model
    assert peft_adapter.resolve_targets(model, ("v_proj", "q_proj")) == peft_adapter.Targets(
        ("q_proj", "v_proj"), ("q_proj x 2", "v_proj x 2"), ())
    assert set(peft_adapter.resolve_targets(model, DEFAULT_TARGET_MODULES).names) == set(DEFAULT_TARGET_MODULES)
    assert peft_adapter.resolve_targets(model, ("q_proj", "up_proj", "typo")).unmatched == ("typo",)


def test_training_lowers_the_loss_and_tells_each_step(llama: LocalStudent, tmp_path: Path) -> None:
    steps: list[TrainingStep] = []
    before = llama.likelihoods([(e.question, e.answer) for e in EXAMPLES], None)
    found = train(llama, tmp_path / "adapter", dataclasses.replace(RECIPE, steps=20), steps=steps)
    after = llama.likelihoods([(e.question, e.answer) for e in EXAMPLES], tmp_path / "adapter")
    assert [step.step for step in steps] == list(range(1, 21))
    assert found.first_loss == steps[0].loss and found.last_loss == steps[-1].loss
    assert found.tokens == steps[-1].tokens > steps[0].tokens > 0
    assert sum(one.nll for one in after) < 0.8 * sum(one.nll for one in before)
    assert found.matched_modules[0] == "q_proj x 2" and found.unmatched_targets == ()


def test_only_the_adapter_is_left_behind(llama: LocalStudent, tmp_path: Path) -> None:
    found = train(llama, tmp_path / "adapter")
    assert {path.name for path in (tmp_path / "adapter").iterdir()} == {
        peft_adapter.CONFIG, peft_adapter.WEIGHTS, training_checkpoints.RECORD}
    assert found.adapter_sha256 == peft_adapter.weights_sha256(tmp_path / "adapter")


@pytest.mark.parametrize("recomputes", [False, True], ids=["plain", "gradient checkpointing"])
def test_the_base_is_as_before(llama: LocalStudent, tmp_path: Path, recomputes: bool) -> None:
    base = llama.loaded.model
    before, weights = answer_texts(llama), {name: value.clone() for name, value in base.state_dict().items()}
    names = set(base.__dict__)
    train(llama, tmp_path / "adapter", dataclasses.replace(RECIPE, gradient_checkpointing=recomputes))
    answer_texts(llama, tmp_path / "adapter")
    assert answer_texts(llama) == before
    assert base.state_dict().keys() == weights.keys()
    assert all(torch.equal(value, weights[name]) for name, value in base.state_dict().items())
    assert not any(weight.requires_grad for weight in base.parameters())
    assert not base.training and not base.is_activation_checkpointing and "forward" not in base.__dict__
    assert set(base.__dict__) - names <= {"model_tags", "_require_grads_hooks", "_is_hf_initialized",
                                          "accepts_loss_kwargs", "warnings_issued"}


def test_the_base_is_as_before_even_when_training_is_stopped(llama: LocalStudent, tmp_path: Path) -> None:
    before = answer_texts(llama)
    with pytest.raises(KeyboardInterrupt):
        llama.fine_tune(EXAMPLES, RECIPE, None, tmp_path / "adapter", _stop_at(2))
    assert answer_texts(llama) == before


def _stop_at(step: int, seen: list[TrainingStep] | None = None) -> Any:
    def on_step(done: TrainingStep) -> None:
        if seen is not None:
            seen.append(done)
        if done.step == step:
            raise KeyboardInterrupt

    return on_step


@pytest.mark.parametrize("damaged", [False, True], ids=["whole", "last checkpoint damaged"])
def test_a_killed_training_ends_where_it_would_have_ended(
        llama: LocalStudent, tmp_path: Path, damaged: bool) -> None:
    undisturbed: list[TrainingStep] = []
    whole = train(llama, tmp_path / "whole", steps=undisturbed)
    seen: list[TrainingStep] = []
    to = tmp_path / "killed"
    with pytest.raises(KeyboardInterrupt):
        llama.fine_tune(EXAMPLES, RECIPE, None, to, _stop_at(4, seen))
    if damaged:
        last = to / training_checkpoints.FOLDER / "checkpoint-3" / peft_adapter.WEIGHTS
        last.write_bytes(last.read_bytes()[:-7])
    resumed: list[TrainingStep] = []
    after = train(llama, to, steps=resumed)
    assert [step.step for step in resumed] == list(range(3 if damaged else 4, 7))
    assert [step.loss for step in resumed] == [step.loss for step in undisturbed[-len(resumed):]]
    assert resumed[0].seconds > seen[resumed[0].step - 2].seconds  # a rate of all tokens needs the time of all
    assert after.adapter_sha256 == whole.adapter_sha256
    assert (after.tokens, after.first_loss, after.steps) == (whole.tokens, whole.first_loss, whole.steps)


def test_copies_along_the_way_are_whole_adapters_and_leave_the_training_as_it_is(
        llama: LocalStudent, tmp_path: Path) -> None:
    plain = train(llama, tmp_path / "plain")
    kept = train(llama, tmp_path / "kept", dataclasses.replace(RECIPE, keep_at=(2, 4)))
    assert kept.adapter_sha256 == plain.adapter_sha256
    pairs = [(example.question, example.answer) for example in EXAMPLES]
    moments = [None, adapter_snapshot_path(tmp_path / "kept", 2), adapter_snapshot_path(tmp_path / "kept", 4),
               tmp_path / "kept"]
    surprise = [sum(found.nll for found in llama.likelihoods(pairs, adapter)) for adapter in moments]
    assert surprise == sorted(surprise, reverse=True) and len(set(surprise)) == 4


def test_a_killed_training_has_the_copies_from_before_its_checkpoint_and_after(
        llama: LocalStudent, tmp_path: Path) -> None:
    recipe = dataclasses.replace(RECIPE, keep_at=(2, 5))
    with pytest.raises(KeyboardInterrupt):
        llama.fine_tune(EXAMPLES, recipe, None, tmp_path / "to", _stop_at(4))
    train(llama, tmp_path / "to", recipe)
    train(llama, tmp_path / "whole", recipe)
    for step in recipe.keep_at:
        killed, whole = (adapter_snapshot_path(tmp_path / name, step) for name in ("to", "whole"))
        assert peft_adapter.weights_sha256(killed) == peft_adapter.weights_sha256(whole)


def test_a_checkpoint_of_another_training_is_not_continued(llama: LocalStudent, tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        llama.fine_tune(EXAMPLES, RECIPE, None, tmp_path / "to", _stop_at(4))
    steps: list[TrainingStep] = []
    train(llama, tmp_path / "to", dataclasses.replace(RECIPE, learning_rate=5e-3), steps=steps)
    assert steps[0].step == 1


def test_a_finished_training_is_not_done_again(llama: LocalStudent, tmp_path: Path) -> None:
    first, steps = train(llama, tmp_path / "to"), []
    assert train(llama, tmp_path / "to", steps=steps) == first
    assert steps == []


def test_the_next_cycle_goes_on_from_the_adapter_of_the_last(llama: LocalStudent, tmp_path: Path) -> None:
    one = train(llama, tmp_path / "one", dataclasses.replace(RECIPE, steps=20))
    two = train(llama, tmp_path / "two", start=tmp_path / "one")
    assert two.first_loss < one.first_loss
    assert two.adapter_sha256 != one.adapter_sha256 == peft_adapter.weights_sha256(tmp_path / "one")


def test_the_merged_copy_answers_like_the_attached_adapter(llama: LocalStudent, tmp_path: Path) -> None:
    train(llama, tmp_path / "to")
    ids = torch.tensor([[1, 5, 9, 40, 41]])
    merged = peft_adapter.merged_copy(llama.loaded.model, tmp_path / "to")(ids).logits
    base = llama.loaded.model(ids).logits
    attached = peft_adapter.with_adapter(llama.loaded.model, tmp_path / "to")
    try:
        assert torch.allclose(merged, attached(ids).logits, atol=1e-4)
        assert not torch.allclose(merged, base, atol=1e-2)
    finally:
        peft_adapter.remove_adapter(attached)


def test_one_tuned_model_is_kept_and_a_retrained_folder_is_noticed(llama: LocalStudent, tmp_path: Path) -> None:
    for name, seed in (("one", 1), ("two", 2)):
        train(llama, tmp_path / name, dataclasses.replace(RECIPE, seed=seed))
    kept = llama._model(tmp_path / "one")
    assert llama._model(tmp_path / "one") is kept
    shutil.copy(tmp_path / "two" / peft_adapter.WEIGHTS, tmp_path / "one" / peft_adapter.WEIGHTS)
    assert llama._model(tmp_path / "one") is not kept


@pytest.mark.parametrize("folder", [llama_folder, phi_folder], ids=["llama", "phi"])
def test_four_bit_weights_train_and_answer_on_the_cpu(folder: Any, tmp_path: Path) -> None:
    tiny = student(folder(tmp_path / "model"), precision="nf4")
    before = answer_texts(tiny)  # asked before it is taught: bitsandbytes would repack the weights here
    found = train(tiny, tmp_path / "to")
    assert found.trainable_parameters > 0
    answer_texts(tiny, tmp_path / "to")
    assert answer_texts(tiny) == before


def test_bf16_base_trains_an_fp32_adapter(tmp_path: Path) -> None:
    from safetensors.torch import load_file

    tiny = student(llama_folder(tmp_path / "model"), precision="bf16")
    train(tiny, tmp_path / "to")
    assert {value.dtype for value in load_file(tmp_path / "to" / peft_adapter.WEIGHTS).values()} == {torch.float32}


@pytest.mark.parametrize("recomputes", [False, True], ids=["lean pass", "the library's pass"])
def test_a_loss_that_is_no_number_is_a_training_failure(
        llama: LocalStudent, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, recomputes: bool) -> None:
    real, lean = trainer_module.token_losses, trainer_module.FusedLoraLoss.__call__
    monkeypatch.setattr(trainer_module, "token_losses", lambda *given: real(*given) * float("nan"))
    monkeypatch.setattr(trainer_module.FusedLoraLoss, "__call__", lambda *given: lean(*given) * float("nan"))
    with pytest.raises(TrainingFailed, match=r"loss became nan at step 1 of 6.*lower learning rate"):
        train(llama, tmp_path / "to", dataclasses.replace(RECIPE, gradient_checkpointing=recomputes))
    assert not (tmp_path / "to" / peft_adapter.WEIGHTS).exists()


def test_examples_without_an_answer_in_reach_are_a_training_failure(llama: LocalStudent, tmp_path: Path) -> None:
    with pytest.raises(TrainingFailed, match="none of 1 examples"):
        train(llama, tmp_path / "to", examples=[TrainingExample("What? " * 100, "That.")])


@pytest.mark.parametrize("damage", ["missing", "truncated", "other model"])
def test_a_useless_adapter_is_a_typed_error_with_the_way_out(
        llama: LocalStudent, tmp_path: Path, damage: str) -> None:
    train(llama, tmp_path / "to")
    of = llama
    if damage == "missing":
        (tmp_path / "to" / peft_adapter.WEIGHTS).unlink()
    elif damage == "truncated":
        (tmp_path / "to" / peft_adapter.WEIGHTS).write_bytes(b"half")
    else:
        of = student(phi_folder(tmp_path / "phi"))
    with pytest.raises(AdapterLoadFailed, match="start fresh"):
        answer_texts(of, tmp_path / "to")


def test_a_failed_adapter_leaves_the_base_as_it_was(llama: LocalStudent, tmp_path: Path) -> None:
    train(llama, tmp_path / "to")
    before = answer_texts(llama)
    (tmp_path / "to" / peft_adapter.WEIGHTS).write_bytes(b"half")
    with pytest.raises(AdapterLoadFailed):
        train(llama, tmp_path / "next", start=tmp_path / "to")
    assert answer_texts(llama) == before


def test_byte_dropout_drops_and_scales_like_dropout() -> None:
    torch.manual_seed(0)
    dropout = ByteDropout(0.25)
    dropped = dropout(torch.ones(100_003))
    assert float((dropped == 0).float().mean()) == pytest.approx(0.25, abs=0.01)
    assert float(dropped.mean()) == pytest.approx(1.0, abs=0.01)
    assert torch.equal(dropout.eval()(torch.ones(5)), torch.ones(5))


def test_a_training_in_parts_ends_where_one_in_one_go_does(llama: LocalStudent, tmp_path: Path) -> None:
    recipe = dataclasses.replace(RECIPE, keep_at=(2, 4, 6))
    whole = train(llama, tmp_path / "whole", recipe)
    steps: list[TrainingStep] = []
    parts = [llama.fine_tune(EXAMPLES, recipe, None, tmp_path / "parts", steps.append, until) for until in (2, 4, 6)]
    assert [step.step for step in steps] == [1, 2, 3, 4, 5, 6] and [part.steps for part in parts] == [2, 4, 6]
    assert parts[-1].adapter_sha256 == whole.adapter_sha256 and parts[-1].tokens == whole.tokens
    assert parts[-1].last_loss == whole.last_loss and parts[0].first_loss == whole.first_loss
    assert parts[1].adapter == str(adapter_snapshot_path(tmp_path / "parts", 4))
    again = llama.fine_tune(EXAMPLES, recipe, None, tmp_path / "parts", steps.append, 4)
    assert again == parts[1] and len(steps) == 6  # recorded beside the snapshot, not trained again


def test_a_part_killed_before_its_record_is_not_trained_again(llama: LocalStudent, tmp_path: Path) -> None:
    recipe = dataclasses.replace(RECIPE, keep_at=(2, 4))
    first = llama.fine_tune(EXAMPLES, recipe, None, tmp_path / "to", lambda step: None, 2)
    (adapter_snapshot_path(tmp_path / "to", 2) / training_checkpoints.RECORD).unlink()
    steps: list[TrainingStep] = []
    assert llama.fine_tune(EXAMPLES, recipe, None, tmp_path / "to", steps.append, 2) == dataclasses.replace(
        first, seconds=pytest.approx(first.seconds, rel=0.9, abs=2.0)) and steps == []
