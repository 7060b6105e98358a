"""A model of another process, as `transformers serve` asks for one: `generate`, and what describes it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch

LONGEST = 1024
"""Tokens of an answer where nothing limits it, as in `transformers serve`."""


class GeneratingProcess:
    """Answers one prompt at a time by a function of token ids; a stream gets the tokens when the answer is whole."""

    device = torch.device("cpu")

    def __init__(self, config: Any, generation_config: Any,
                 new_tokens: Callable[[list[int], int], Sequence[int]]) -> None:
        """Describe a model.

        Args:
            config, generation_config: those of its folder.
            new_tokens: new token ids after a prompt, at most so many.
        """
        self.config, self.generation_config, self._new_tokens = config, generation_config, new_tokens

    def generate(self, input_ids: torch.Tensor, generation_config: Any, streamer: Any = None,
                 **_: object) -> torch.Tensor:
        """The prompt with its answer; decoding is the folder's own, but for the length.

        Args:
            input_ids: one prompt.
            generation_config: the request's, of which the longest answer counts.
            streamer: gets the prompt, then each token.
        """
        prompt = input_ids[0].tolist()
        new = self._new_tokens(prompt, generation_config.max_new_tokens or LONGEST)
        if streamer is not None:
            for part in (input_ids, *(torch.tensor([token]) for token in new)):
                streamer.put(part)
            streamer.end()
        return torch.tensor([[*prompt, *new]])
