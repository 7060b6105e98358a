"""A loaded student: its tokenizer and weights, and the transformers model, which may be loaded on demand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from runner.hardware import time_loading
from runner.student.llama_cpu.weights import LlamaCheckpoint
from runner.student.prompt_template import Tokenizer

Library = tuple[Any, Any]
"""transformers' causal language model, frozen and in evaluation mode, and its tokenizer."""


class LoadedModel:
    """A student's weights and tokenizer.

    `tokenizer` is our fast one where the student is supported; `model` and `hf_tokenizer` are always transformers'.
    """

    def __init__(self, parameters: int, precision: str, context: int, tokenizer: Tokenizer,
                 open_library: Callable[[], Library], checkpoint: LlamaCheckpoint | None = None) -> None:
        """With `checkpoint`, inference needs no transformers: its model is loaded at first use and can be unloaded."""
        self.parameters, self.precision, self.context = parameters, precision, context
        self.tokenizer, self.checkpoint = tokenizer, checkpoint
        self._open_library = open_library
        self._library: Library | None = None if checkpoint else open_library()

    @property
    def model(self) -> Any:
        """The transformers model; loads it if necessary."""
        return self._load_library()[0]

    @property
    def hf_tokenizer(self) -> Any:
        """The transformers tokenizer; loads it if necessary."""
        return self._load_library()[1]

    def unload(self) -> None:
        """Free the transformers model if it can be loaded again."""
        if self.checkpoint:
            self._library = None

    def _load_library(self) -> Library:
        if self._library is None:
            if self.checkpoint:
                self.checkpoint.check()
            with time_loading():
                self._library = self._open_library()
        return self._library
