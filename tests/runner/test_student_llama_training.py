"""The lean pass of a training against the library's own: the same losses and the same gradients."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
import torch

from runner.roles import Recipe
from runner.student import adapters, llama_training
from runner.student.likelihood import token_losses
from store.config import MISSION_TARGETS
from tests.runner.tiny_models import llama_folder, phi_folder, student

RECIPE = Recipe(steps=6, learning_rate=1e-2, batch_size=2, gradient_accumulation=1, gradient_checkpointing=False,
                lora_rank=4, lora_alpha=8, lora_dropout=0.0, target_modules=MISSION_TARGETS, max_sequence_tokens=64,
                seed=3)


def adapted(folder: Path, precision: str = "fp32", **changes: Any) -> Any:
    """A tiny model with an adapter that does something: fresh ones have B = 0."""
    base, recipe = student(llama_folder(folder), precision).loaded.model, dataclasses.replace(RECIPE, **changes)
    model = adapters.attach(base, recipe, adapters.resolve_targets(base, recipe.target_modules), None).train()
    torch.manual_seed(1)
    for weight in model.parameters():
        if weight.requires_grad:
            weight.data.normal_(0, 0.2)
    return model


def batch(padding: str) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    torch.manual_seed(2)
    ids, lengths = torch.randint(3, 60, (3, 9)), {"none": [9, 9, 9]}.get(padding, [9, 6, 7])
    mask = torch.tensor([[1] * length + [0] * (9 - length) for length in lengths])
    labels = ids.masked_fill((mask == 0) | (torch.arange(9) < 3), -100)
    return ids, mask, labels


def gradients(model: Any, loss: torch.Tensor) -> dict[str, torch.Tensor]:
    model.zero_grad()
    loss.backward()  # type: ignore[no-untyped-call]
    return {name: weight.grad.clone() for name, weight in model.named_parameters() if weight.requires_grad}


@pytest.mark.parametrize("padding", ["none", "right"])
@pytest.mark.parametrize("targets", [MISSION_TARGETS, ("q_proj", "v_proj", "up_proj")], ids=["all", "some"])
def test_loss_and_gradients_are_those_of_the_library(tmp_path: Path, padding: str, targets: tuple[str, ...]) -> None:
    model, given = adapted(tmp_path, target_modules=targets), batch(padding)
    plain, lean = token_losses(model, *given).sum(), llama_training.LlamaLoss(model)(*given)
    assert lean.item() == pytest.approx(plain.item(), rel=1e-5)
    expected, found = gradients(model, plain), gradients(model, lean)
    assert expected.keys() == found.keys() and len(found) == 2 * 2 * len(targets)
    for name, gradient in expected.items():
        assert gradient.abs().max() > 0
        assert torch.allclose(found[name], gradient, rtol=1e-3, atol=1e-4 * float(gradient.abs().max())), name


def test_bf16_follows_fp32_as_closely_as_the_library_does(tmp_path: Path) -> None:
    exact = gradients(one := adapted(tmp_path / "model"), llama_training.LlamaLoss(one)(*batch("right")))
    half = adapted(tmp_path / "model2", "bf16")
    lean = gradients(half, llama_training.LlamaLoss(half)(*batch("right")))
    with torch.autocast("cpu", torch.bfloat16):
        plain = token_losses(half, *batch("right")).sum()
    theirs = gradients(half, plain)

    def distance(one: dict[str, torch.Tensor]) -> float:
        return float(sum((one[name] - exact[name]).norm() for name in exact) / sum(g.norm() for g in exact.values()))

    assert distance(lean) < max(0.02, 1.25 * distance(theirs))


def test_dropout_leaves_the_gradient_of_what_was_computed(tmp_path: Path) -> None:
    """With the same draws, a step along the gradient changes the loss by what the gradient says."""
    model, given = adapted(tmp_path, lora_dropout=0.3), batch("right")
    loss = llama_training.LlamaLoss(model)

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
    assert llama_training.fits(adapted(tmp_path / "llama"))
    assert not llama_training.fits(_phi(tmp_path / "phi"))
    assert not llama_training.fits(adapted(tmp_path / "four", "nf4"))


def _phi(folder: Path) -> Any:
    base = student(phi_folder(folder)).loaded.model
    return adapters.attach(base, RECIPE, adapters.resolve_targets(base, MISSION_TARGETS), None)
