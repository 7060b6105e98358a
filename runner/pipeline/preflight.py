"""Checked before a run is queued from the command line: what would fail later for certain is refused now.

Nothing is loaded and nothing is written; the worker meets the same errors again where only it can see them.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from knowledge.documents import NoSuchFolder, NothingReadable
from knowledge.kubernetes.topics import BUILT_IN, unknown_topics
from knowledge.loader import open_knowledge
from runner.pipeline.stages.fine_tune import snapshot_steps
from store.control_arms import PLACEBO
from store.costs.prices import retired_model_errors
from store.paths import Paths
from store.run_config import EMBEDDED_STUDENT, OFFLINE_TEACHER, RunConfig

EMBEDDED_MODEL_BYTES = 300_000_000
"""The embedded student once dequantized, measured (bf16 safetensors and tokenizer)."""
BYTES_A_CYCLE = 80_000_000
"""An adapter of the embedded student with its training checkpoint, and the cycle's artifacts."""

BYTES_A_COPY = 20_000_000
"""An adapter of the embedded student alone, as the learning curve keeps it along the way."""


def preflight_errors(config: RunConfig, paths: Paths) -> list[str]:
    """A sentence for each thing that stands in the way of this run; empty when nothing does."""
    return [*retired_model_errors(config), *api_key_errors(config), *_knowledge_errors(config),
            *_student_errors(config), *_disk_space_errors(config, paths)]


def api_key_errors(config: RunConfig) -> list[str]:
    """A key where the teacher's or the judge's address needs one."""
    offline = "choose the teacher 'knowledge-base', which needs none"
    makes_calls = config.teacher != OFFLINE_TEACHER and not config.from_replies
    found = _key_for(config.teacher_base_url, offline) if makes_calls else []
    return found + (_key_for(config.judge_base_url, "leave --judge out") if config.judge else [])


def _key_for(address: str | None, instead: str) -> list[str]:
    from runner.llm.credentials import OPENAI_ADDRESS, key_for
    from runner.llm.errors import InvalidKey, MissingKey

    try:
        key_for(address or OPENAI_ADDRESS, alternative=instead)
    except (MissingKey, InvalidKey) as error:
        return [str(error)]
    return []


def _knowledge_errors(config: RunConfig) -> list[str]:
    """A folder is read here once, so that an unreadable one or an unknown topic is refused before a run is queued."""
    if config.knowledge == BUILT_IN:
        return []
    try:
        domain = open_knowledge(config.knowledge, config.knowledge_name)
    except (NoSuchFolder, NothingReadable) as error:
        return [str(error)]
    return unknown_topics((*config.topics, *config.new_topics), domain.topics)


def _student_errors(config: RunConfig) -> list[str]:
    """A folder can be looked at; a Hugging Face id is only known when it is loaded."""
    folder = Path(config.student)
    looks_like_folder = config.student.startswith((".", "/", "~")) or folder.exists()
    if config.student == EMBEDDED_STUDENT or not looks_like_folder:
        return []
    folder = folder.expanduser()
    if not folder.is_dir():
        return [f"student folder {config.student!r} does not exist: name a folder with config.json and safetensors, "
                "a Hugging Face id, or 'embedded'"]
    if not (folder / "config.json").is_file():
        return [f"student folder {config.student!r} holds no config.json: it is not a model folder"]
    if not any(folder.glob("*.safetensors")):
        return [f"student folder {config.student!r} holds no *.safetensors: pickled weights are not loaded, because "
                "reading them can run code; convert them with save_pretrained(safe_serialization=True)"]
    return []


def free_bytes(paths: Paths) -> int:
    """Free space where the data folder is, or will be."""
    return shutil.disk_usage(nearest_folder(paths)).free


def nearest_folder(paths: Paths) -> Path:
    """The data folder, or the one above it that is there already."""
    return next(parent for parent in (paths.data, *paths.data.parents) if parent.exists())


def _disk_space_errors(config: RunConfig, paths: Paths) -> list[str]:
    embedded = config.student == EMBEDDED_STUDENT and not any(paths.models.glob("*/config.json"))
    trainings = config.cycles * (2 if PLACEBO in config.arms else 1)
    copies = config.cycles * len(snapshot_steps(config)) * BYTES_A_COPY
    needed = trainings * BYTES_A_CYCLE + copies + (EMBEDDED_MODEL_BYTES if embedded else 0)
    free = free_bytes(paths)
    if free >= needed:
        return []
    return [f"the data folder {paths.data} has {free / 1e6:.0f} MB free and this run needs about "
            f"{needed / 1e6:.0f} MB: free space, or set DATA_DIR to a folder on another disk"]
