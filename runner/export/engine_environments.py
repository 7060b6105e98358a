"""Inference engines in environments of their own, because their libraries cannot live beside this project's.

`make verify-engines` makes them. Nothing is imported from them: a script runs in such an environment as a process.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from runner.export.errors import CannotExport

LLAMA_CPP, OPENVINO, LLM_COMPRESSOR = "llama-cpp", "openvino", "llm-compressor"
NAMES = {LLAMA_CPP: "llama.cpp", OPENVINO: "OpenVINO", LLM_COMPRESSOR: "llm-compressor"}
VARIABLE = "ENGINES_DIR"
"""Environment variable that names the folder of the environments."""
_ROOT = Path(__file__).resolve().parents[2]
_SCRIPTS = Path(__file__).parent / "engine_scripts"
STOP_SECONDS = 20
"""How long a process may take to end after its input has ended."""


def environment_of(engine: str) -> Path:
    """The folder of an engine's environment, whether it is there or not."""
    return Path(os.environ.get(VARIABLE) or _ROOT / ".engines").expanduser().absolute() / engine


def is_installed(engine: str) -> bool:
    """Whether an engine's environment is there, whole."""
    return (environment_of(engine) / ".stamp").is_file()


def check_installed(engine: str) -> None:
    """Check that an engine's environment is there.

    Raises:
        CannotExport: it is not.
    """
    if not is_installed(engine):
        raise CannotExport(f"{NAMES[engine]} is not installed in {environment_of(engine)}: `make verify-engines` makes "
                           "this environment")


def command(engine: str, script: str | Path, *arguments: str) -> list[str]:
    """The command that runs one of `engine_scripts`, or a script that is named by its path, in an engine's environment.

    Raises:
        CannotExport: the environment is not there.
    """
    check_installed(engine)
    return [str(environment_of(engine) / "bin" / "python"), str(_SCRIPTS / script), *arguments]


def run_script(engine: str, script: str, *arguments: str, said: str = "") -> str:
    """Run one of `engine_scripts` to its end; return what it printed.

    Args:
        said: its input.

    Raises:
        CannotExport: the environment is not there, or the script failed; the message has its last line.
    """
    done = subprocess.run(command(engine, script, *arguments), input=said, capture_output=True, text=True, check=False,
                          env=_without_imports())
    if done.returncode:
        raise CannotExport(f"{NAMES[engine]} failed with exit code {done.returncode}: {_last_line(done.stderr)}")
    return done.stdout


@dataclass(frozen=True)
class EngineProcess:
    """A script that answers line by line in an engine's environment."""

    engine: str
    process: subprocess.Popen[str]
    errors: IO[str]

    def send(self, text: str) -> None:
        """Send one line.

        Raises:
            CannotExport: the process has ended.
        """
        assert self.process.stdin
        try:
            self.process.stdin.write(text + "\n")
            self.process.stdin.flush()
        except OSError as error:
            raise self._ended() from error

    def read(self) -> dict[str, object]:
        """Wait for the next line, a JSON object.

        Raises:
            CannotExport: the process has ended.
        """
        assert self.process.stdout
        for line in self.process.stdout:
            if line.startswith("{"):  # libraries print notes of their own
                found: dict[str, object] = json.loads(line)
                return found
        raise self._ended()

    def _ended(self) -> CannotExport:
        code = self.process.wait()
        self.errors.seek(0)
        return CannotExport(f"{NAMES[self.engine]} ended with exit code {code}: {_last_line(self.errors.read())}")


@contextlib.contextmanager
def running(errors: IO[str], engine: str, script: str | Path, arguments: Sequence[str]) -> Iterator[EngineProcess]:
    """Run one of `engine_scripts` while the context is open; its input ends with it, and with this process.

    Args:
        errors: a file for what it says on stderr, of which the last line is quoted.

    Raises:
        CannotExport: the environment is not there.
    """
    process = subprocess.Popen(command(engine, script, *arguments), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                               stderr=errors, text=True, env=_without_imports())
    try:
        yield EngineProcess(engine, process, errors)
    finally:
        assert process.stdin and process.stdout
        with contextlib.suppress(OSError):
            process.stdin.close()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdout.close()


def _without_imports() -> dict[str, str]:
    """The environment variables of a process that imports nothing of this project."""
    return {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "PYTHONHOME")}


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1][:300] if lines else "it said nothing"
