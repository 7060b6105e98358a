"""Check a configuration before its run is queued from the command line, to refuse what would certainly fail later.

No model is loaded and nothing stays written; an endpoint is asked only whether it has the batches that a run needs.
Errors that only show in the worker are reported there.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from knowledge.documents import NoSuchFolder, NothingReadable
from knowledge.kubernetes.topics import BUILT_IN, unknown_topics
from knowledge.question_sets import FaultyQuestions
from knowledge.sources import NoSuchDocuments
from runner.artifact_store import check_artifact_store
from runner.artifact_store.errors import ArtifactStoreDenied, ArtifactStoreError, InvalidAddress
from runner.pipeline.early_stopping import EVALUATIONS
from runner.pipeline.documents_reader import DocumentsReader
from runner.pipeline.stages.fine_tune import SNAPSHOT_SHARES
from store.analysis.documents_notes import nothing_to_ask
from store.control_arms import PLACEBO
from store.costs.model_shutdowns import shutdown_errors
from store.costs.teacher_budget import budget_errors
from store.paths import Paths
from store.question_set_settings import given_errors
from store.run_config import EMBEDDED_STUDENT, OFFLINE_TEACHER, RunConfig

EMBEDDED_MODEL_BYTES = 300_000_000
"""Size of the dequantized embedded student, measured (bf16 safetensors and tokenizer)."""
BYTES_A_CYCLE = 80_000_000
"""Disk space of one cycle: an adapter of the embedded student, its training checkpoint, and the stage artifacts."""
PROBE_SECONDS = 10.0
"""How long an endpoint may take to say whether it has batches."""
BYTES_A_COPY = 20_000_000
"""Size of an adapter of the embedded student alone, as saved at each point of the learning curve."""


def preflight_errors(config: RunConfig, paths: Paths, runs: int = 1,
                     documents: DocumentsReader | None = None) -> list[str]:
    """Return one sentence for each problem that would make this run fail; empty when there is none.

    Args:
        config: the run.
        paths: where its files will be.
        runs: how many such runs are to be queued: there has to be room for all of them.
        documents: reads the documents, and keeps them for what is said about them.
    """
    reader = documents or DocumentsReader(paths.documents)
    found = [*shutdown_errors(config), *budget_errors(config), *access_errors(config),
             *_knowledge_errors(config, reader),
             *_student_errors(config), *_disk_space_errors(config, paths, runs), *artifact_store_errors(paths)]
    return found or _batch_errors(config)


def access_errors(config: RunConfig) -> list[str]:
    """Return an error for each API key that the teacher or the judge needs and that is missing or malformed, and for
    each proxy that cannot be used."""
    offline = "choose the teacher 'knowledge-base', which needs none"
    makes_calls = config.teacher != OFFLINE_TEACHER and not config.from_replies
    found = _key_for(config.teacher_base_url, offline) if makes_calls else []
    found += _key_for(config.judge_base_url, "leave --judge out") if config.judge else []
    return found + (_proxy_errors() if makes_calls or config.judge else [])


def _proxy_errors() -> list[str]:
    from runner.llm.http_proxy import proxy_errors

    return proxy_errors()


def _batch_errors(config: RunConfig) -> list[str]:
    """Ask the endpoints of a run in batches whether they have any; one that is down is left to the run."""
    if not config.teacher_batch:
        return []
    from runner.llm.batch_endpoint import open_batch_endpoint
    from runner.llm.credentials import OPENAI_ADDRESS
    from runner.llm.errors import BatchRefused, TeacherError

    asked = {config.teacher_base_url or OPENAI_ADDRESS: config.teacher} if config.teacher != OFFLINE_TEACHER and \
        not config.from_replies else {}
    asked |= {config.judge_base_url or OPENAI_ADDRESS: config.judge} if config.judge else {}
    errors = []
    for address, model in asked.items():
        try:
            open_batch_endpoint(model, address, PROBE_SECONDS).check()
        except BatchRefused as error:
            errors.append(str(error))
        except TeacherError:
            continue  # the run meets it, waits and says so
    return errors


def _key_for(address: str | None, alternative: str) -> list[str]:
    from runner.llm.credentials import OPENAI_ADDRESS, key_for
    from runner.llm.errors import InvalidKey, MissingKey

    try:
        key_for(address or OPENAI_ADDRESS, alternative=alternative)
    except (MissingKey, InvalidKey) as error:
        return [str(error)]
    return []


def _knowledge_errors(config: RunConfig, documents: DocumentsReader) -> list[str]:
    """Read documents and people's questions once, to refuse what cannot be used before the run is queued."""
    if config.knowledge == BUILT_IN and not (config.practice or config.test):
        return []
    try:
        domain = documents.read(config).domain
    except FaultyQuestions as error:
        return error.errors
    except (NoSuchFolder, NothingReadable, NoSuchDocuments) as error:
        return [str(error)]
    if domain.given and (errors := given_errors(config, domain)):
        return errors
    asked_offline = sum(bool(passage.wordings) for passage in domain.passages)
    if fault := nothing_to_ask(config.teacher, len(domain.passages), asked_offline, config.knowledge,
                               " (--teacher)"):
        return [fault]
    return unknown_topics((*config.topics, *config.new_topics), domain.topics)


def _student_errors(config: RunConfig) -> list[str]:
    """Check a local model folder; a Hugging Face id can only be checked by loading it."""
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
    """Return the free bytes of the file system that holds, or will hold, the data folder."""
    return shutil.disk_usage(nearest_folder(paths)).free


def nearest_folder(paths: Paths) -> Path:
    """Return the data folder, or its nearest parent that exists."""
    return next(parent for parent in (paths.data, *paths.data.parents) if parent.exists())


def artifact_store_errors(paths: Paths) -> list[str]:
    """Write to the artifact store and read it back; one that does not answer now is left to the run."""
    try:
        check_artifact_store(paths.artifacts)
    except (InvalidAddress, ArtifactStoreDenied) as error:
        return [str(error)]
    except ArtifactStoreError:
        return []  # the run meets it, waits and says so
    except OSError as error:
        return [f"ARTIFACTS={paths.artifacts} cannot be written: {error}"]
    return []


def _disk_space_errors(config: RunConfig, paths: Paths, runs: int) -> list[str]:
    embedded = config.student == EMBEDDED_STUDENT and not any(paths.models.glob("*/config.json"))
    trainings = config.cycles * (2 if PLACEBO in config.arms else 1)
    snapshots = EVALUATIONS if config.chooses_step else len(SNAPSHOT_SHARES) if config.learning_curve else 0
    copies = config.cycles * snapshots * BYTES_A_COPY
    needed = runs * (trainings * BYTES_A_CYCLE + copies) + (EMBEDDED_MODEL_BYTES if embedded else 0)
    free = free_bytes(paths)
    if free >= needed:
        return []
    who = "this run needs" if runs == 1 else f"these {runs} runs need"
    return [f"the data folder {paths.data} has {free / 1e6:.0f} MB free and {who} about "
            f"{needed / 1e6:.0f} MB: free space, or set DATA_DIR to a folder on another disk"]
