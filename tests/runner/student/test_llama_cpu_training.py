"""`FusedLoraLoss` against the library's own pass: the same losses and the same gradients."""

from __future__ import annotations

import contextlib
import dataclasses
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from runner.protocols import TrainingConfig, TrainingExample, TrainingStep
from runner.student import trainer
from runner.student.inference.likelihood import token_losses
from runner.student.llama_cpu import training_loss
from runner.student.lora import peft_adapter
from runner.student.lora.adapter_files import WEIGHTS
from store.run_config import DEFAULT_TARGET_MODULES
from tests.runner.tiny_models import llama_folder, phi_folder, student

RECIPE = TrainingConfig(steps=6, learning_rate=1e-2, batch_size=2, gradient_accumulation=1,
                        gradient_checkpointing=False,
                        lora_rank=4, lora_alpha=8, lora_dropout=0.0, target_modules=DEFAULT_TARGET_MODULES,
                        max_sequence_tokens=64,
                        seed=3)


def adapted(folder: Path, precision: str = "fp32", **changes: Any) -> Any:
    """A tiny model with an adapter that does something: fresh ones have B = 0."""
    base, recipe = student(llama_folder(folder), precision).loaded.model, dataclasses.replace(RECIPE, **changes)
    model = peft_adapter.add_adapter(base, recipe, peft_adapter.resolve_targets(base, recipe.target_modules),
                                     None).train()
    torch.manual_seed(1)
    for weight in model.parameters():
        if weight.requires_grad:
            weight.data.normal_(0, 0.2)
    return model


BATCHES = {  # of each row its length, and how many of its last tokens are labels
    "no padding": [(9, 6), (9, 6), (9, 6)],
    "padding": [(9, 6), (6, 3), (7, 4)],
    "answers of one token": [(9, 1), (4, 1), (2, 1)],
    "very different lengths": [(60, 50), (2, 1), (5, 2)],
    "a row without a label": [(9, 6), (5, 0), (1, 1)],  # the first token of a text is predicted from nothing
    "one row": [(7, 2)],
}


def batch(kind: str) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    torch.manual_seed(2)
    rows, width = BATCHES[kind], max(length for length, _ in BATCHES[kind])
    ids, positions = torch.randint(3, 60, (len(rows), width)), torch.arange(width)
    mask = torch.stack([(positions < length).long() for length, _ in rows])
    labelled = torch.stack([(positions < length) & (positions >= length - labels) for length, labels in rows])
    return ids, mask, ids.masked_fill(~labelled, -100)


def gradients(model: Any, loss: torch.Tensor) -> dict[str, torch.Tensor]:
    model.zero_grad()
    loss.backward()  # type: ignore[no-untyped-call]
    return {name: weight.grad.clone() for name, weight in model.named_parameters() if weight.requires_grad}


@pytest.mark.parametrize("kind", BATCHES)
@pytest.mark.parametrize("targets", [DEFAULT_TARGET_MODULES, ("q_proj", "v_proj", "up_proj")], ids=["all", "some"])
def test_loss_and_gradients_are_those_of_the_library(tmp_path: Path, kind: str, targets: tuple[str, ...]) -> None:
    model, given = adapted(tmp_path, target_modules=targets), batch(kind)
    plain = token_losses(model, *given).sum()
    expected, fused = gradients(model, plain), training_loss.FusedLoraLoss(model)(*given)
    assert fused.item() == pytest.approx(plain.item(), rel=1e-5)
    found = gradients(model, fused)
    assert expected.keys() == found.keys() and len(found) == 2 * 2 * len(targets)
    for name, gradient in expected.items():
        assert gradient.abs().max() > 0
        assert torch.allclose(found[name], gradient, rtol=1e-3, atol=1e-4 * float(gradient.abs().max())), name


@pytest.mark.parametrize("kind", ["padding", "very different lengths", "a row without a label", "one row"])
@pytest.mark.parametrize(("max_tokens", "side_by_side"), [(1, 1), (13, 1), (None, 2), (13, 2)])
def test_a_batch_in_groups_of_rows_has_the_loss_and_gradients_of_the_whole(
        tmp_path: Path, kind: str, max_tokens: int | None, side_by_side: int) -> None:
    model, given = adapted(tmp_path), batch(kind)
    whole = training_loss.FusedLoraLoss(model)
    expected = gradients(model, total := whole(*given) / 3)
    whole.release()
    parts = training_loss.FusedLoraLoss(model, max_tokens, side_by_side)
    again = [gradients(model, total_again := parts(*given) / 3) for _ in range(3)]
    parts.release()
    assert total_again.item() == pytest.approx(total.item(), rel=1e-5)
    for name, gradient in again[0].items():
        assert torch.allclose(gradient, expected[name], rtol=1e-3, atol=1e-5 * float(expected[name].abs().max())), name
        assert all(torch.equal(gradient, other[name]) for other in again), "a resumed training must repeat every bit"


def test_groups_side_by_side_draw_the_same_dropout_each_time(tmp_path: Path) -> None:
    model, given = adapted(tmp_path, lora_dropout=0.3), batch("padding")
    loss, found = training_loss.FusedLoraLoss(model, None, 2), []
    for _ in range(3):
        torch.manual_seed(5)
        found.append(gradients(model, loss(*given)))
    loss.release()
    assert all(torch.equal(found[0][name], other[name]) for other in found for name in other)


@pytest.mark.parametrize(("lengths", "max_tokens", "at_least", "expected"), [
    ([3, 4, 5], None, 1, [[0, 1, 2]]), ([3, 4, 5], 12, 1, [[0, 1, 2]]), ([3, 4, 5], 11, 1, [[2], [0, 1]]),
    ([9, 1, 9, 9], 9, 1, [[0], [2], [3], [1]]), ([20, 1, 1], 9, 1, [[0], [1, 2]]), ([5], 0, 1, [[0]]),
    ([3, 4, 5], None, 2, [[2], [0, 1]]), ([5], None, 2, [[0]]), ([8, 2, 6, 4], None, 2, [[0, 1], [2, 3]]),
])
def test_groups_of_rows_are_few_and_alike(lengths: list[int], max_tokens: int | None, at_least: int,
                                          expected: list[list[int]]) -> None:
    assert training_loss.row_groups(lengths, max_tokens, at_least) == expected


@pytest.mark.parametrize(("fits", "expected"), [
    (0, "checkpointing"), (11, "checkpointing"), (12, "groups"), (1000, "one group")])
def test_a_training_recomputes_activations_only_where_a_single_row_does_not_fit(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fits: int, expected: str) -> None:
    """The longest row has 20 tokens, 0.6 times as large as the library's: 12 of its tokens."""
    tiny, seen = student(llama_folder(tmp_path / "model")), list[list[int]]()
    real = training_loss.FusedLoraLoss.forward

    def forward(self: Any, ids: torch.Tensor, mask: torch.Tensor, *rest: Any) -> Any:
        seen.append(mask.sum(1).tolist())
        return real(self, ids, mask, *rest)

    monkeypatch.setattr(training_loss.FusedLoraLoss, "forward", forward)
    recipe = dataclasses.replace(RECIPE, batch_size=3, steps=2, gradient_checkpointing=True, max_sequence_tokens=20)
    trainer.fine_tune(tiny.loaded, tiny.template,
                      [TrainingExample("Why?", text) for text in ("So it is. " * 9, "So.", "It is so.")],
                      recipe, None, tmp_path / "to", lambda step: None, uncheckpointed_tokens=fits)
    if expected == "checkpointing":
        assert not seen
    else:
        assert len(seen) > 2 if expected == "groups" else len(seen) == 2
        assert all(sum(rows) <= fits / 0.6 + 1e-6 for rows in seen) and max(map(max, seen)) == 20


def test_bf16_follows_fp32_as_closely_as_the_library_does(tmp_path: Path) -> None:
    exact = gradients(one := adapted(tmp_path / "model"), training_loss.FusedLoraLoss(one)(*batch("padding")))
    half = adapted(tmp_path / "model2", "bf16")
    fused = gradients(half, (loss := training_loss.FusedLoraLoss(half))(*batch("padding")))
    loss.release()
    with torch.autocast("cpu", torch.bfloat16):
        plain = token_losses(half, *batch("padding")).sum()
    theirs = gradients(half, plain)

    def distance(one: dict[str, torch.Tensor]) -> float:
        return float(sum((one[name] - exact[name]).norm() for name in exact) / sum(g.norm() for g in exact.values()))

    assert distance(fused) < max(0.02, 1.25 * distance(theirs))


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize("fails", [False, True], ids=["finished", "failed"])
def test_the_model_has_its_weights_again_after_a_training(tmp_path: Path, precision: str, fails: bool) -> None:
    """While training only the packed copy exists: the memory plan has no room for two."""
    tiny = student(llama_folder(tmp_path / "model"), precision)
    before = {name: weight.clone() for name, weight in tiny.loaded.model.named_parameters()}
    layer = tiny.loaded.model.model.layers[0]

    def on_step(step: TrainingStep) -> None:
        assert layer.mlp.down_proj.base_layer.weight.numel() == layer.self_attn.k_proj.base_layer.weight.numel() == 0
        if fails:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt) if fails else contextlib.nullcontext():
        trainer.fine_tune(tiny.loaded, tiny.template, [TrainingExample("Why?", "So.")], RECIPE, None,
                          tmp_path / "to", on_step)
    after = dict(tiny.loaded.model.named_parameters())
    assert after.keys() == before.keys() and all(torch.equal(after[name], weight) for name, weight in before.items())


def test_with_dropout_the_gradient_matches_the_loss_with_the_same_mask(tmp_path: Path) -> None:
    """With the same mask, a step along the gradient changes the loss as the gradient predicts."""
    model, given = adapted(tmp_path, lora_dropout=0.3), batch("padding")
    loss = training_loss.FusedLoraLoss(model)

    def drawn() -> torch.Tensor:
        torch.manual_seed(5)
        return loss(*given)

    found = gradients(model, first := drawn())
    step = 1e-4 / sum(float(g.square().sum()) for g in found.values()) ** 0.5
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if name in found:
                weight.add_(found[name], alpha=step)
    expected = step * sum(float(g.square().sum()) for g in found.values())
    assert drawn().item() - first.item() == pytest.approx(expected, rel=0.2)
    assert not torch.equal(loss(*given), drawn())


def test_other_architectures_and_four_bit_weights_take_the_librarys_pass(tmp_path: Path) -> None:
    assert training_loss.supports_training(adapted(tmp_path / "llama"))
    assert not training_loss.supports_training(_phi(tmp_path / "phi"))
    assert not training_loss.supports_training(adapted(tmp_path / "four", "nf4"))


def _phi(folder: Path) -> Any:
    base = student(phi_folder(folder)).loaded.model
    return peft_adapter.add_adapter(base, RECIPE, peft_adapter.resolve_targets(base, DEFAULT_TARGET_MODULES), None)


@pytest.mark.parametrize(("examples", "changes"), [
    pytest.param(["So.", "A.", "It.", "Pod."], {}, id="short answers", marks=pytest.mark.slow),
    pytest.param(["So.", "A group of containers that share network and storage, and more of it. " * 3, "Yes."], {},
                 id="very different lengths", marks=pytest.mark.slow),
    pytest.param(["So.", "A group of containers.", "It routes."], {"gradient_accumulation": 2},
                 id="an odd rest of a batch"),
    pytest.param(["So.", "A group of containers.", "It routes."], {"batch_size": 1, "gradient_accumulation": 2},
                 id="an odd rest of a step", marks=pytest.mark.slow),
])
def test_a_whole_training_ends_where_one_by_the_librarys_pass_does(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch, examples: list[str], changes: dict[str, Any]) -> None:
    """Five steps over two passes through the examples and more; the optimizer magnifies small differences."""
    tiny = student(llama_folder(tmp_path / "model"))
    recipe = dataclasses.replace(RECIPE, steps=5, learning_rate=1e-3, **changes)
    pairs, weights, used = [TrainingExample("Why?", text) for text in examples], {}, list[object]()
    for name, fits in (("fused", True), ("library", False)):
        monkeypatch.setattr(trainer, "supports_training", lambda model, fits=fits: fits)
        steps: list[TrainingStep] = []
        trained = tiny.fine_tune(pairs, recipe, None, tmp_path / name, steps.append)
        weights[name] = load_file(tmp_path / name / WEIGHTS)
        used.append((trained.tokens, pytest.approx([step.loss for step in steps], rel=1e-4)))
    assert used[0][0] == used[1][0] > 0 and used[0][1].expected == used[1][1]  # type: ignore[index]
    for name, weight in weights["library"].items():
        assert torch.allclose(weights["fused"][name], weight, rtol=0.02, atol=2e-4), name


@pytest.mark.slow
def test_a_training_with_an_odd_rest_that_was_killed_ends_with_the_same_weights(tmp_path: Path) -> None:
    tiny = student(llama_folder(tmp_path / "model"))
    recipe = dataclasses.replace(RECIPE, gradient_accumulation=2, lora_dropout=0.1)
    pairs = [TrainingExample("Why?", text) for text in ("So.", "A group of containers.", "It routes.")]

    def stop(step: TrainingStep) -> None:
        if step.step == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        tiny.fine_tune(pairs, recipe, None, tmp_path / "killed", stop)
    after = tiny.fine_tune(pairs, recipe, None, tmp_path / "killed", lambda step: None)
    whole = tiny.fine_tune(pairs, recipe, None, tmp_path / "whole", lambda step: None)
    assert (after.adapter_sha256, after.tokens) == (whole.adapter_sha256, whole.tokens)
