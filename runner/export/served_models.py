"""Which students `serve-model` serves on this machine now, for the playground: a file for each, while it runs."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from runner.export.inference_engines import ChatServer
from runner.llm.errors import TeacherError
from runner.student.exported_model import CannotAnswer
from store.files import write_atomic
from store.paths import Paths


@dataclass(frozen=True)
class ServedModel:
    """An endpoint of `serve-model`."""

    url: str
    """Base URL of its OpenAI-compatible API."""
    name: str
    key: str
    """Empty where it asks for none."""


@contextlib.contextmanager
def announced(paths: Paths, model: ServedModel) -> Iterator[None]:
    """Keep a file about the endpoint, which its owner alone may read, while the context is open."""
    file = _file(paths, model.name)
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    file.parent.chmod(0o700)
    write_atomic(file, json.dumps(asdict(model)).encode())
    file.chmod(0o600)
    try:
        yield
    finally:
        with contextlib.suppress(OSError, ValueError):
            if json.loads(file.read_bytes()) == asdict(model):  # not that of an endpoint which was started since
                file.unlink()


def served_model(paths: Paths, run: str, cycle: int) -> ServedModel | None:
    """The endpoint that serves a cycle's student; None where none was announced.

    One whose process was killed is announced still.
    """
    try:
        return ServedModel(**json.loads(_file(paths, model_name(run, cycle)).read_bytes()))
    except (OSError, ValueError, TypeError):
        return None


def model_name(run: str, cycle: int) -> str:
    """What callers name the student of a cycle."""
    return f"{run}-cycle-{cycle}"


def ask_served(model: ServedModel, question: str, max_new_tokens: int) -> str:
    """The endpoint's greedy answer to one question.

    Raises:
        CannotAnswer: it does not answer; the message says what to do.
    """
    try:
        server = ChatServer(model.url, model.name, key=model.key or None)
        (answer,) = server.answers([question], max_new_tokens)
    except TeacherError as error:
        raise CannotAnswer(str(error)) from error
    return answer.text


def _file(paths: Paths, name: str) -> Path:
    return paths.data / "served" / f"{name}.json"
