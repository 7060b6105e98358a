"""A GGUF file behind llama.cpp's own server, in the environment that has llama.cpp."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path

from runner.export.engine_environments import LLAMA_CPP, running
from runner.export.errors import CannotExport
from runner.student.exported_model import CannotAnswer


@contextlib.contextmanager
def llama_cpp_server(file: Path, name: str, host: str = "127.0.0.1", port: int = 0,
                     key: str = "", parallel: int = 1) -> Iterator[tuple[str, str]]:
    """Serve a file while the context is open; return the base URL of its OpenAI-compatible API, and what serves it.

    Args:
        name: of the model, for callers.
        port: 0 takes a free one.
        key: that callers must send; empty asks for none. It is in no process list.
        parallel: how many requests are answered at once.

    Raises:
        CannotAnswer: llama.cpp cannot load the file.
        CannotExport: the environment is not there.
    """
    with tempfile.TemporaryFile("w+") as errors, running(
            errors, LLAMA_CPP, "llama_cpp_server.py", [str(file), host, str(port), name, str(parallel)]) as process:
        try:
            process.send(key)
            said = process.read()
        except CannotExport as error:
            raise CannotAnswer(f"{file} is not served: {error}") from error
        yield f"{said['address']}/v1", str(said["engine"])
