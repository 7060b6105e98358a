"""A student in OpenVINO or in compressed tensors: written, and asked, by processes in the engine's own environment."""

from __future__ import annotations

import contextlib
import json
import shutil
import tempfile
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

from runner.export.engine_environments import LLM_COMPRESSOR, OPENVINO, EngineProcess, run_script, running
from runner.export.errors import CannotExport
from runner.student.errors import in_short
from runner.student.exported_model import CannotAnswer, ExportedModel, weight_files
from runner.student.generating_process import GeneratingProcess
from runner.student.models import hf_loader

OPENVINO_WEIGHTS = "openvino_model.bin"
_SCRIPTS = {OPENVINO: "openvino_export.py", LLM_COMPRESSOR: "compressed_export.py"}
COMPRESSED = "compressed-tensors"
"""What the `config.json` of such a folder names as its quantization."""


def write_quantized(engine: str, merged: Path, to: Path, quantization: str, passages: Sequence[str]) -> None:
    """Write a merged model folder for an engine, with quantized weights.

    Args:
        engine: `OPENVINO`, or `LLM_COMPRESSOR` for compressed tensors.
        merged: the model folder.
        to: the folder that is written.
        quantization: `int8`, `int4`, or for OpenVINO `f16`, which are weights of 16 bits.
        passages: texts on which the quantization is calibrated, where it is.

    Raises:
        CannotExport: the environment is not there, or the engine failed.
    """
    run_script(engine, _SCRIPTS[engine], str(merged), str(to), quantization, said=json.dumps(list(passages)))
    for file in merged.iterdir():  # the tokenizer with its template, and the generation configuration
        if file.suffix != ".safetensors" and not file.name.startswith(("config.", "model.")):
            shutil.copyfile(file, to / file.name)


class EngineModel(ExportedModel):
    """A folder in an engine's process, one question at a time on the CPU; its tokenizer makes texts tokens here."""

    def __init__(self, folder: Path, process: EngineProcess, named: str) -> None:
        """Load all but the weights, which the process has loaded.

        Args:
            named: what answers, with its version.

        Raises:
            CannotAnswer: it is no folder that transformers can read.
        """
        try:
            self.tokenizer, config, decoding = hf_loader.open_without_weights(folder)
        except hf_loader.UNREADABLE as error:
            raise CannotAnswer(f"{folder} cannot be read by transformers: {in_short(error)}") from error
        weights = [folder / OPENVINO_WEIGHTS] if process.engine == OPENVINO else weight_files(folder)
        self._describe(folder, named, weights, decoding, config)
        self._process, self._asking = process, threading.Lock()
        self.model = GeneratingProcess(config, decoding, self._generate)

    def _generate(self, prompt: list[int], max_new_tokens: int) -> list[int]:
        found = self._reply({"prompt": prompt, "max_new_tokens": max_new_tokens, "pad": self._pad_id()})["ids"]
        assert isinstance(found, list)
        return found

    def token_logprobs(self, ids: list[int]) -> list[float]:
        found = self._reply({"text": ids})["logprobs"]
        assert isinstance(found, list)
        return found

    def _reply(self, asked: dict[str, object]) -> dict[str, object]:
        try:
            with self._asking:
                self._process.send(json.dumps(asked))
                return self._process.read()
        except CannotExport as error:
            raise CannotAnswer(str(error)) from error


@contextlib.contextmanager
def engine_model(engine: str, folder: Path) -> Iterator[EngineModel]:
    """Load a folder in a process of its engine, which ends with the context.

    Raises:
        CannotAnswer: it cannot be loaded.
        CannotExport: the environment is not there.
    """
    with tempfile.TemporaryFile("w+") as errors, running(
            errors, engine, "folder_answers.py", [engine, str(folder)]) as process:
        try:
            named = str(process.read()["engine"])
        except CannotExport as error:
            raise CannotAnswer(str(error)) from error
        yield EngineModel(folder, process, named)


@contextlib.contextmanager
def opened_folder(folder: Path) -> Iterator[ExportedModel]:
    """Load an exported folder by what its form asks for: OpenVINO, llm-compressor, or else plain transformers.

    Raises:
        CannotAnswer: it cannot be loaded.
        CannotExport: the environment that it needs is not there.
    """
    engine = OPENVINO if (folder / OPENVINO_WEIGHTS).is_file() else LLM_COMPRESSOR if _is_compressed(folder) else ""
    if engine:
        with engine_model(engine, folder) as model:
            yield model
    else:
        yield ExportedModel(folder)


def _is_compressed(folder: Path) -> bool:
    try:
        found = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        return bool(found["quantization_config"]["quant_method"] == COMPRESSED)
    except (OSError, ValueError, KeyError, TypeError):
        return False
