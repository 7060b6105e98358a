"""Linear layers for a CPU whose weights are packed once into oneDNN's blocked layout.

`torch.nn.functional.linear` reorders the weight at every call, which at 24 rows takes twice as long as the matrix
product. oneDNN's packed product also fuses the activation, multiplication or addition that follows.
Where this build of torch or this CPU lacks the packed product, the same is computed with plain torch.
"""

from __future__ import annotations

import functools

import torch
from torch.nn import functional

_ops = torch.ops.mkldnn


class OneDnnLinear:
    """y = x W^T + b; x is N x K, `weight` M x K. Packing copies the weight, so the source layer is unchanged."""

    def __init__(self, weight: torch.Tensor, bias: torch.Tensor | None = None) -> None:
        self.bias = bias
        self.packed = can_pack(weight.dtype)
        self.weight = _ops._reorder_linear_weight(weight.contiguous(), None) if self.packed else weight

    def unpacked(self) -> torch.Tensor:
        """The weight in the plain layout, bit for bit as it was passed in."""
        return self.weight.to_dense() if self.packed else self.weight

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        if not self.packed:
            return functional.linear(x, self.weight, self.bias)
        return _ops._linear_pointwise(x, self.weight, self.bias, "none", [], "")

    def silu(self, x: torch.Tensor) -> torch.Tensor:
        """silu(x W^T + b)."""
        if not self.packed:
            return functional.silu(functional.linear(x, self.weight, self.bias))
        return _ops._linear_pointwise(x, self.weight, self.bias, "swish", [], "")

    def mul(self, x: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
        """(x W^T + b) * other."""
        if not self.packed:
            return functional.linear(x, self.weight, self.bias) * other
        return _ops._linear_pointwise.binary(x, other, self.weight, self.bias, "mul")

    def add(self, x: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
        """(x W^T + b) + other."""
        if not self.packed:
            return functional.linear(x, self.weight, self.bias) + other
        return _ops._linear_pointwise.binary(x, other, self.weight, self.bias, "add")


@functools.cache
def can_pack(dtype: torch.dtype) -> bool:
    """Whether packed products of this dtype exist here and agree with plain ones; tried once on small matrices."""
    x, weight = torch.randn(3, 32).to(dtype), torch.randn(16, 32).to(dtype)
    try:
        packed = _ops._reorder_linear_weight(weight, None)
        product = _ops._linear_pointwise.binary(x, torch.ones(3, 16, dtype=dtype), packed, None, "mul")
    except (RuntimeError, AttributeError, NotImplementedError):
        return False
    return torch.allclose(product.float(), functional.linear(x, weight).float(), rtol=0.05, atol=0.05)
