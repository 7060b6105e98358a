"""Dropout for the CPU: the same thing as torch's, with randomness drawn eight elements at a time.

torch draws one 53-bit number for each element, which takes a tenth of a training step on two cores; a byte an
element is enough to decide with. The probability is thereby rounded to 256ths (0.05 becomes 0.0508).
"""

from __future__ import annotations

from collections.abc import Callable

import torch


class ByteDropout(torch.nn.Module):
    """Zero elements with probability `p` (in 256ths) and scale the rest up, while training only."""

    def __init__(self, p: float) -> None:
        super().__init__()
        self.dropped = round(p * 256)

    def scaled_mask(self, x: torch.Tensor) -> torch.Tensor | None:
        """What to multiply x with, in its shape and type; None where nothing is dropped."""
        if not self.training or not self.dropped:
            return None
        words = torch.empty((x.numel() + 7) // 8, dtype=torch.int64).random_(-(2**63), None)
        drawn = words.view(torch.uint8)[: x.numel()].view(x.shape)
        # compared in x's type, which holds 0 to 255 exactly: a third of the time that booleans take
        return drawn.to(x.dtype).ge_(self.dropped).mul_(256 / (256 - self.dropped))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        factors = self.scaled_mask(x)
        return x if factors is None else x * factors


class DropoutMaskPool:
    """Dropout for one whole pass: factors are drawn once, every layer takes a stretch of them from a place of chance.

    Each element is dropped with the same probability as ever; two layers' draws may be the same ones, shifted.
    """

    def __init__(self, dropout: ByteDropout | None, dtype: torch.dtype) -> None:
        self.dropout, self.dtype = dropout, dtype

    def mask_sampler(self, training: bool, longest: int) -> Callable[[torch.Tensor], torch.Tensor | None]:
        """What gives the factors of an input of at most so many elements, for one pass."""
        some = self.dropout.scaled_mask(torch.empty(2 * longest,
                                                    dtype=self.dtype)) if training and self.dropout else None
        if some is None:
            return lambda x: None
        places = torch.randint(longest, (1024,)).tolist()

        def draw(x: torch.Tensor) -> torch.Tensor:
            at = places.pop() if places else 0
            return some[at : at + x.numel()].view(x.shape)
        return draw
