"""Linear layers for a CPU, their weights packed once in the order in which the processor wants them.

The plain `linear` brings its weight into that order again at every call: at 24 rows that takes twice as long as the
product itself. oneDNN's packed product also takes the activation, product or sum that follows into its own loop.
Where this torch or this processor has no such product, the same is computed the plain way.
"""

from __future__ import annotations

import functools

import torch
from torch.nn import functional

_ops = torch.ops.mkldnn


class OneDnnLinear:
    """y = x W^T + b for x of N x K; `weight` is M x K. The weight is copied: the layer it came from stays as it is."""

    def __init__(self, weight: torch.Tensor, bias: torch.Tensor | None = None) -> None:
        self.bias = bias
        self.packed = can_pack(weight.dtype)
        self.weight = _ops._reorder_linear_weight(weight.contiguous(), None) if self.packed else weight

    def plain(self) -> torch.Tensor:
        """The weight as it was given, the very same numbers."""
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
    """Whether packed products of this type work here and agree with the plain ones: tried once on small numbers."""
    x, weight = torch.randn(3, 32).to(dtype), torch.randn(16, 32).to(dtype)
    try:
        packed = _ops._reorder_linear_weight(weight, None)
        product = _ops._linear_pointwise.binary(x, torch.ones(3, 16, dtype=dtype), packed, None, "mul")
    except (RuntimeError, AttributeError, NotImplementedError):
        return False
    return torch.allclose(product.float(), functional.linear(x, weight).float(), rtol=0.05, atol=0.05)
