"""A loaded student: what answers are made with, and the library's own model for what only that can do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from runner.hardware import time_loading
from runner.student.llama_cpu.weights import LlamaCheckpoint
from runner.student.prompt_template import Tokenizer

Library = tuple[Any, Any]
"""A causal language model in evaluation mode, all weights frozen, and its tokenizer."""


class LoadedModel:
    """A student's weights and its tokenizer; `words` is what texts are read and written with."""

    def __init__(self, parameters: int, precision: str, context: int, words: Tokenizer,
                 open_library: Callable[[], Library], plain: LlamaCheckpoint | None = None) -> None:
        """`plain` where answers need no library: it is then opened when first asked for, and can be let go."""
        self.parameters, self.precision, self.context = parameters, precision, context
        self.words, self.plain = words, plain
        self._open_library = open_library
        self._library: Library | None = None if plain else open_library()

    @property
    def model(self) -> Any:
        """The library's."""
        return self._opened()[0]

    @property
    def tokenizer(self) -> Any:
        """The library's."""
        return self._opened()[1]

    def unload(self) -> None:
        """Free the library's model where it can be opened again."""
        if self.plain:
            self._library = None

    def _opened(self) -> Library:
        if self._library is None:
            if self.plain:
                self.plain.check()
            with time_loading():
                self._library = self._open_library()
        return self._library
