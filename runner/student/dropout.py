"""Dropout for the CPU: the same thing as torch's, with randomness drawn eight elements at a time.

torch draws one 53-bit number for each element, which takes a tenth of a training step on two cores; a byte an
element is enough to decide with. The probability is thereby rounded to 256ths (0.05 becomes 0.0508).
"""

from __future__ import annotations

import torch


class ByteDropout(torch.nn.Module):
    """Zero elements with probability `p` (in 256ths) and scale the rest up, while training only."""

    def __init__(self, p: float) -> None:
        super().__init__()
        self.dropped = round(p * 256)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if not self.training or not self.dropped:
            return x
        words = torch.empty((x.numel() + 7) // 8, dtype=torch.int64).random_(-(2**63), None)
        kept = words.view(torch.uint8)[: x.numel()].view(x.shape) >= self.dropped
        return x * (kept.to(x.dtype) * (256 / (256 - self.dropped)))
