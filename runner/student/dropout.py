"""Dropout for the CPU: the same thing as torch's, with randomness drawn eight elements at a time.

torch draws one 53-bit number for each element, which takes a tenth of a training step on two cores; a byte an
element is enough to decide with. The probability is thereby rounded to 256ths (0.05 becomes 0.0508).
"""

from __future__ import annotations

from typing import Any

import torch


class ByteDropout(torch.nn.Module):
    """Zero elements with probability `p` (in 256ths) and scale the rest up, while training only."""

    def __init__(self, p: float) -> None:
        super().__init__()
        self.dropped = round(p * 256)

    def factors(self, x: torch.Tensor) -> torch.Tensor | None:
        """What to multiply x with, in its shape and type; None where nothing is dropped."""
        if not self.training or not self.dropped:
            return None
        words = torch.empty((x.numel() + 7) // 8, dtype=torch.int64).random_(-(2**63), None)
        drawn = words.view(torch.uint8)[: x.numel()].view(x.shape)
        # compared in x's type, which holds 0 to 255 exactly: a third of the time that booleans take
        return drawn.to(x.dtype).ge_(self.dropped).mul_(256 / (256 - self.dropped))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        factors = self.factors(x)
        return x if factors is None else x * factors


def kept_factors(dropout: Any, x: torch.Tensor) -> torch.Tensor | None:
    """The factors of a layer's dropout; None for one that drops nothing."""
    return dropout.factors(x) if isinstance(dropout, ByteDropout) else None
