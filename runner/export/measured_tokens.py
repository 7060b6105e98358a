"""The tokens of questions and answers as the run's student had them in training and test."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from runner.export.export_facts import end_was_exempt
from runner.student.models.bundled import student_source
from runner.student.models.hf_loader import open_tokenizer_and_config
from runner.student.prompt_template import answer_ids, prompt_ids, prompt_template_for
from store import queries


class MeasuredTokens:
    """How the run's student was asked: its tokenizer with the template of training and test."""

    def __init__(self, run: queries.Run, models_dir: Path) -> None:
        """Load the tokenizer.

        Raises:
            StudentError: the run's student is no longer there.
        """
        self._tokenizer, _ = open_tokenizer_and_config(student_source(run.config.student, models_dir))
        self.precision = str((run.plan or {}).get("precision") or "")
        """The precision of the weights in training and test; empty if it was not recorded."""
        self._template = prompt_template_for(self._tokenizer, run.config.own_chat_template)
        self._config = run.config

    def prompt(self, question: str) -> list[int]:
        """The tokens of the prompt of a question."""
        return prompt_ids(self._tokenizer, self._template, question)

    def answer(self, text: str) -> list[int]:
        """The tokens of an answer with the one that ends it."""
        return answer_ids(self._tokenizer, self._template, text)

    def end_was_exempt(self, question: str) -> bool:
        """Whether the test spared the token that ends an answer the repetition penalty, as no server does."""
        return end_was_exempt(self._config, self._template, self.prompt(question))

    def text(self, ids: Sequence[int]) -> str:
        """The text of tokens."""
        return self._tokenizer.decode(list(ids))
