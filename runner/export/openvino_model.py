"""A student in OpenVINO: written, and asked, by processes in the environment that has OpenVINO."""

from __future__ import annotations

import contextlib
import json
import shutil
import tempfile
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

from runner.export.engine_environments import OPENVINO, EngineProcess, run_script, running
from runner.export.errors import CannotExport
from runner.student.errors import in_short
from runner.student.exported_model import CannotAnswer, ExportedModel
from runner.student.generating_process import GeneratingProcess
from runner.student.models import hf_loader

WEIGHTS = "openvino_model.bin"


def write_openvino(merged: Path, to: Path, quantization: str, passages: Sequence[str]) -> None:
    """Write a merged model folder in OpenVINO's format.

    Args:
        quantization: `int8`, `int4`, or `f16` for weights of 16 bits.
        passages: texts on which int4 is calibrated.

    Raises:
        CannotExport: the environment is not there, or OpenVINO failed.
    """
    run_script(OPENVINO, "openvino_export.py", str(merged), str(to), quantization, said=json.dumps(list(passages)))
    for file in merged.iterdir():  # the tokenizer with its template, and the generation configuration
        if file.suffix != ".safetensors" and not file.name.startswith(("config.", "model.")):
            shutil.copyfile(file, to / file.name)


class OpenVinoModel(ExportedModel):
    """An OpenVINO folder, one question at a time on the CPU; texts become tokens here, by the folder's tokenizer."""

    def __init__(self, folder: Path, process: EngineProcess, engine: str) -> None:
        """Load all but the weights, which the process has loaded.

        Args:
            engine: what answers, with its version.

        Raises:
            CannotAnswer: it is no folder that transformers can read.
        """
        try:
            self.tokenizer, config, decoding = hf_loader.open_without_weights(folder)
        except hf_loader.UNREADABLE as error:
            raise CannotAnswer(f"{folder} cannot be read by transformers: {in_short(error)}") from error
        self._describe(folder, engine, [folder / WEIGHTS], decoding, config)
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
def openvino_model(folder: Path) -> Iterator[OpenVinoModel]:
    """Load an OpenVINO folder in a process that ends with the context.

    Raises:
        CannotAnswer: it cannot be loaded.
        CannotExport: the environment is not there.
    """
    with tempfile.TemporaryFile("w+") as errors, running(
            errors, OPENVINO, "openvino_answers.py", [str(folder)]) as process:
        try:
            engine = str(process.read()["engine"])
        except CannotExport as error:
            raise CannotAnswer(str(error)) from error
        yield OpenVinoModel(folder, process, engine)


@contextlib.contextmanager
def opened_folder(folder: Path) -> Iterator[ExportedModel]:
    """Load an exported folder by what its form asks for: OpenVINO, or else plain transformers.

    Raises:
        CannotAnswer: it cannot be loaded.
        CannotExport: the environment that it needs is not there.
    """
    if (folder / WEIGHTS).is_file():
        with openvino_model(folder) as model:
            yield model
    else:
        yield ExportedModel(folder)
