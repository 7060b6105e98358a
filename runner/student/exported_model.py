"""An exported student in plain transformers, as whoever takes it away uses it.

Nothing of the run is known here: chat template, generation configuration and weights are those that were exported.
"""

from __future__ import annotations

import struct
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from runner.student.models import hf_loader
from store.analysis.export_verdict import DEQUANTIZED

Losses = Sequence[float | None]


@dataclass(frozen=True)
class EngineAnswer:
    """One answer of an exported student."""

    text: str
    tokens: int
    seconds: float
    cut_off: bool
    """Whether it reached the token limit."""


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
        except (OSError, ValueError, RuntimeError, KeyError, struct.error) as error:
            raise CannotAnswer(f"{folder} cannot be loaded by transformers: {str(error).splitlines()[0]}") from error
        self.name = f"transformers {version}" + (DEQUANTIZED if gguf else "")
        self.from_gguf = gguf is not None
        self.size_bytes = sum(file.stat().st_size for file in files)
        if not self.tokenizer.chat_template:
            raise CannotAnswer(f"{folder} has no chat template: its tokenizer cannot say how a question is asked")

    def prompt(self, question: str) -> list[int]:
        """Token ids of the prompt by the folder's own chat template."""
        return list(self.tokenizer.apply_chat_template([{"role": "user", "content": question}], tokenize=True,
                                                       add_generation_prompt=True, return_dict=True)["input_ids"])

    def fits_context(self, question: str, answer_tokens: int) -> bool:
        """Whether the prompt of a question leaves room in the context for `answer_tokens` tokens."""
        return len(self.prompt(question)) + answer_tokens <= self.model.config.max_position_embeddings

    def end_ids(self) -> tuple[int, ...]:
        """Tokens that end an answer, by the folder's generation configuration."""
        found = self.model.generation_config.eos_token_id
        return () if found is None else (found,) if isinstance(found, int) else tuple(found)

    def answers(self, questions: Sequence[str], max_new_tokens: int) -> Iterator[EngineAnswer]:
        for question in questions:
            started = time.monotonic()
            ids = torch.tensor([self.prompt(question)])
            with torch.inference_mode():
                made = self.model.generate(ids, attention_mask=torch.ones_like(ids), max_new_tokens=max_new_tokens,
                                           pad_token_id=self.tokenizer.pad_token_id or (self.end_ids() or (0,))[0])
            new = made[0, ids.shape[1]:].tolist()
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
            ids = torch.tensor([prompt + said])
            labels = ids.clone()
            labels[:, :len(prompt)] = -100
            with torch.inference_mode():
                found.append(float(self.model(input_ids=ids, labels=labels).loss) if said else None)
        return found

    def _answer_ids(self, prompt: Sequence[int], whole: Sequence[int]) -> list[int]:
        """The answer's tokens up to the first one that ends it; what a template adds after it is no part of it."""
        answer = list(whole[len(prompt):])
        ends = [at for at, token in enumerate(answer) if token in self.end_ids()]
        return answer[:ends[0] + 1] if ends else answer
