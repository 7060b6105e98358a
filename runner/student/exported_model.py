"""An exported student in plain transformers, as whoever takes it away uses it.

Nothing of the run is known here: chat template, generation configuration and weights are those that were exported.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from runner.student.errors import in_short
from runner.student.models import hf_loader
from store.analysis.export_verdict import DEQUANTIZED

Losses = Sequence[float | None]
_PRECISIONS = {"torch.float32": "fp32", "torch.bfloat16": "bf16", "torch.float16": "fp16"}


@dataclass(frozen=True)
class EngineAnswer:
    """One answer of an exported student."""

    text: str
    tokens: int
    seconds: float
    cut_off: bool
    """Whether it reached the token limit."""
    prompt_tokens: int | None = None
    """How many tokens a server counts in the prompt; None where that is not said."""


class CannotAnswer(Exception):
    """The export cannot be loaded, or the server does not answer; the message says what to do."""


def weight_files(folder: Path) -> list[Path]:
    """The files with the weights of an exported folder: safetensors, or its GGUF file where it has no config.json.

    Raises:
        CannotAnswer: it has neither, or several GGUF files.
    """
    if (folder / "config.json").is_file():
        return sorted(folder.glob("*.safetensors"))
    found = sorted(folder.glob("*.gguf"))
    if len(found) != 1:
        raise CannotAnswer(f"{folder} is no model folder: it has no config.json and {len(found)} GGUF files; export "
                           "the student with --form merged or gguf, or give the address of the server that serves it")
    return found


class ExportedModel:
    """A merged model folder or a GGUF file in plain transformers, one question at a time on the CPU."""

    def __init__(self, folder: Path) -> None:
        """Load the folder; of one without config.json, its GGUF file.

        Raises:
            CannotAnswer: it is no model folder that transformers can load.
        """
        files = weight_files(folder)
        gguf = next((file.name for file in files if file.suffix == ".gguf"), None)
        try:
            self.tokenizer, self.model, version = hf_loader.open_exported(folder, gguf)
        except hf_loader.UNREADABLE as error:
            raise CannotAnswer(f"{folder} cannot be loaded by transformers: {in_short(error)}") from error
        self._describe(folder, f"transformers {version}" + (DEQUANTIZED if gguf else ""), files,
                       self.model.generation_config, self.model.config)
        self.precision = "" if gguf else _PRECISIONS.get(str(self.model.dtype), str(self.model.dtype))
        self.embedding_rows = self.model.get_input_embeddings().num_embeddings

    def _describe(self, folder: Path, name: str, files: Sequence[Path], decoding: Any, config: Any) -> None:
        """Set what the export says of itself.

        Args:
            name: of what answers.
            files: its weights.
            decoding: its generation configuration.
            config: its model configuration.
        """
        self.name, self.generation_config, self.config = name, decoding, config
        self.size_bytes = sum(file.stat().st_size for file in files)
        self.precision = ""
        """`fp32`, `bf16` or `fp16`; empty where weights are quantized."""
        self.embedding_rows = int(config.vocab_size)
        if not self.tokenizer.chat_template:
            raise CannotAnswer(f"{folder} has no chat template: its tokenizer cannot say how a question is asked")

    def prompt(self, question: str) -> list[int]:
        """Token ids of the prompt by the folder's own chat template."""
        return list(self.tokenizer.apply_chat_template([{"role": "user", "content": question}], tokenize=True,
                                                       add_generation_prompt=True, return_dict=True)["input_ids"])

    def fits_context(self, question: str, answer_tokens: int) -> bool:
        """Whether the prompt of a question leaves room in the context for `answer_tokens` tokens."""
        return len(self.prompt(question)) + answer_tokens <= self.config.max_position_embeddings

    def end_ids(self) -> tuple[int, ...]:
        """Tokens that end an answer, by the folder's generation configuration."""
        found = self.generation_config.eos_token_id
        return () if found is None else (found,) if isinstance(found, int) else tuple(found)

    def answers(self, questions: Sequence[str], max_new_tokens: int) -> Iterator[EngineAnswer]:
        for question in questions:
            started = time.monotonic()
            new = self._generate(self.prompt(question), max_new_tokens)
            ended = bool(new) and new[-1] in self.end_ids()
            yield EngineAnswer(self.tokenizer.decode(new, skip_special_tokens=True).strip(), len(new),
                               time.monotonic() - started, not ended and len(new) >= max_new_tokens)

    def losses(self, pairs: Sequence[tuple[str, str]]) -> Losses | None:
        found: list[float | None] = []
        for question, answer in pairs:
            prompt = self.prompt(question)
            whole = list(self.tokenizer.apply_chat_template(
                [{"role": "user", "content": question}, {"role": "assistant", "content": answer}], tokenize=True,
                return_dict=True)["input_ids"])
            said = self._answer_ids(prompt, whole)
            found.append(self._nll(prompt, said) if said else None)
        return found

    def _answer_ids(self, prompt: Sequence[int], whole: Sequence[int]) -> list[int]:
        """The answer's tokens up to the first one that ends it; what a template adds after it is no part of it."""
        answer = list(whole[len(prompt):])
        ends = [at for at, token in enumerate(answer) if token in self.end_ids()]
        return answer[:ends[0] + 1] if ends else answer

    def _pad_id(self) -> int:
        return self.tokenizer.pad_token_id or (self.end_ids() or (0,))[0]

    def _generate(self, prompt: list[int], max_new_tokens: int) -> list[int]:
        """The new tokens after a prompt, by the folder's generation configuration."""
        ids = torch.tensor([prompt])
        with torch.inference_mode():
            made = self.model.generate(ids, attention_mask=torch.ones_like(ids), max_new_tokens=max_new_tokens,
                                       pad_token_id=self._pad_id())
        new: list[int] = made[0, len(prompt):].tolist()
        return new

    def _nll(self, prompt: list[int], answer: list[int]) -> float:
        """Mean negative log-likelihood of the answer's tokens, in nats per token."""
        return -sum(self.token_logprobs(prompt + answer)[len(prompt) - 1:]) / len(answer)

    def token_logprobs(self, ids: list[int]) -> list[float]:
        """The natural log-probability of each token but the first, given those before it."""
        text = torch.tensor([ids])
        with torch.inference_mode():
            logits = self.model(input_ids=text).logits[0, :-1].float()
            found: list[float] = (-torch.nn.functional.cross_entropy(logits, text[0, 1:], reduction="none")).tolist()
        return found
