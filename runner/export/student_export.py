"""Export a fine-tuned student as adapter, merged model, GGUF, OpenVINO or compressed tensors, with a model card."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from safetensors import SafetensorError

from runner.artifact_store.errors import InvalidAddress
from runner.export.checksums import changed_files, hashes_of, write_checksums
from runner.export.engine_environments import LLM_COMPRESSOR, NAMES, OPENVINO, check_installed
from runner.export.errors import CannotExport
from runner.export.gguf_converter import checked_converter, convert
from runner.export.gguf_quantizer import installed_quantizer, quantize
from runner.export.model_card import base_licence, base_of, licence_note, model_card
from runner.pipeline.shared_files import get_missing_files
from runner.pipeline.stage_checkpoints import ADAPTER_FILES
from runner.pipeline.stages.generate_answers import generation_config
from store import queries
from store.database import Store
from store.events import FilesStored
from store.files import sha256_of_file
from store.paths import Paths
from store.program_name import NAME
from store.queries import Cycle, Run
from store.queries.data_origin import origins_of
from store.queries.best_adapter import best_adapter
from store.queries.dataset_items import TRAIN, dataset_items

if TYPE_CHECKING:
    from runner.export.merged_model import Merged

FORMS = ("merged", "adapter", "gguf", "openvino", "compressed")
BY_LLAMA_CPP = ("q4_k_m",)
"""Quantizations that llama.cpp's own tool writes where it is installed; elsewhere they are written here."""
QUANTIZATIONS = {"gguf": ("f16", "q8_0", "q4_0", *BY_LLAMA_CPP), "openvino": ("int8", "int4"),
                 "compressed": ("int8", "int4")}
"""Form -> how its weights can be stored, the default first."""
CARD = "README.md"
GGUF_FILE = "model.gguf"
CALIBRATION_PASSAGES = 64


@dataclass(frozen=True)
class Gguf:
    """How a GGUF file is made."""

    quantization: str = QUANTIZATIONS["gguf"][0]
    converter: Path | None = None
    """llama.cpp's script; None writes the file here."""


@dataclass(frozen=True)
class Quantized:
    """How a folder is made by an engine of its own environment."""

    engine: str
    """`OPENVINO`; `LLM_COMPRESSOR` for compressed tensors, which vLLM serves on GPUs."""
    quantization: str = "int8"

    @property
    def calibrated(self) -> bool:
        """Whether texts decide how weights are rounded."""
        return self.engine == LLM_COMPRESSOR or self.quantization == "int4"


ENGINES = {"openvino": OPENVINO, "compressed": LLM_COMPRESSOR}
"""Form -> the engine that writes it."""


@dataclass(frozen=True)
class Exported:
    """What was written."""

    folder: Path
    precision: str
    """The precision of the weights, as one sentence."""
    warning: str
    """Which cycle it is and why; empty if no cycle was scored."""


def tuned_cycle(store: Store, paths: Paths, run_id: str, number: int | None) -> tuple[Run, Cycle, Path]:
    """Return run, cycle and adapter folder, after checking the adapter's hash; `number` None selects the one to keep.

    Raises:
        CannotExport: no such run or cycle, no adapter, or its hash differs from the recorded one.
    """
    run = queries.find_run(store, run_id)
    if run is None:
        raise CannotExport(f"no run {run_id!r}: list them with '{NAME} status'")
    cycles = {cycle.cycle: cycle for cycle in queries.cycles_of(store, run_id) if cycle.adapter}
    if number is None:
        best = best_adapter(store, run_id)
        number = best.cycle if best else max(cycles, default=0)
    if number not in cycles:
        available = f"cycles with adapters: {', '.join(map(str, cycles))}" if cycles else "it has no adapters"
        raise CannotExport(f"run {run_id} has no adapter of cycle {number}: {available}")
    cycle = cycles[number]
    folder = paths.run(run_id) / str(cycle.adapter)
    if paths.artifacts and not all((folder / name).is_file() for name in ADAPTER_FILES):
        _get_files(store, paths, run_id)
    if missing := [name for name in ADAPTER_FILES if not (folder / name).is_file()]:
        raise CannotExport(f"adapter {folder}: {missing[0]} is missing; restore the run's folder from a backup")
    if sha256_of_file(folder / ADAPTER_FILES[1]) != cycle.adapter_sha256:
        raise CannotExport(f"adapter {folder} is not the one that was recorded: its hash differs")
    return run, cycle, folder


def _get_files(store: Store, paths: Paths, run_id: str) -> None:
    """Get the run's files from the artifact store.

    Raises:
        CannotExport: some of them cannot be used, or it does not answer.
    """
    try:
        faults = get_missing_files(queries.events_of_kinds(store, run_id, [FilesStored]), paths, run_id)
    except (InvalidAddress, OSError) as error:
        raise CannotExport(str(error)) from error
    if faults:
        raise CannotExport(f"files of run {run_id} cannot be used: {'; '.join(faults[:3])}")


def export(store: Store, paths: Paths, run_id: str, number: int | None, to: Path, form: str,
           how: Gguf | Quantized | None = None) -> Exported:
    """Write the student of a cycle to a new folder, atomically.

    Args:
        number: the cycle; None takes the one to keep.
        form: one of `FORMS`.
        how: how the forms that quantize are made; None takes their defaults.

    Raises:
        CannotExport: see `tuned_cycle`; or the folder is not empty, the model cannot be written in this form, what
            writes it is not installed, or the disk is full; nothing is left there.
        StudentError: the base model cannot be loaded, or the adapter does not fit it.
    """
    run, cycle, adapter = tuned_cycle(store, paths, run_id, number)
    if to.exists() and (not to.is_dir() or any(to.iterdir())):
        raise CannotExport(f"{to} already exists: choose a new folder")
    how = how or (Gguf() if form == "gguf" else Quantized(ENGINES[form]) if form in ENGINES else None)
    _check_installed(how)
    to.parent.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(prefix=f".{to.name}-", dir=to.parent))
    try:
        precision, prompt = _write(store, run, paths, adapter, work, how or form)
        best = best_adapter(store, run_id)
        changes = queries.changes_of(store, run_id, cycle.cycle)
        (work / CARD).write_text(model_card(run, cycle, changes, best, form, precision, prompt, hashes_of(work),
                                            origins_of(store, run.id)), encoding="utf-8")
        write_checksums(work)
        work.chmod(0o755)
        if to.exists():
            to.rmdir()
        work.rename(to)
    except (OSError, SafetensorError) as error:
        raise CannotExport(f"{to} could not be written: {error}; nothing of it is left") from error
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return Exported(to, precision, best.sentence_on(cycle.cycle) if best else "")


def kept_export(store: Store, paths: Paths, run_id: str, cycle: Cycle, report: Callable[[str], None]) -> Path:
    """Return the merged folder of a cycle under data/exports, written once and used again while it is unchanged.

    Raises:
        CannotExport, StudentError: see `export`; or its files are not those that were exported.
    """
    folder = paths.exports / f"{run_id}-cycle-{cycle.cycle}-{str(cycle.adapter_sha256)[:12]}"
    if not folder.exists():
        report(f"exporting cycle {cycle.cycle} of run {run_id} to {folder}")
        return export(store, paths, run_id, cycle.cycle, folder, "merged").folder
    if changed := changed_files(folder):
        raise CannotExport(f"{folder} is not as it was exported: {', '.join(changed[:3])} changed; move the folder "
                           "away, so that it is exported again")
    report(f"using {folder}, exported earlier; its files have their recorded hashes")
    return folder


def _check_installed(how: Gguf | Quantized | None) -> None:
    """Check that what writes this form is there, before anything slow is done."""
    if isinstance(how, Quantized):
        check_installed(how.engine)
    elif how and how.converter:
        checked_converter(how.converter)


def _write(store: Store, run: Run, paths: Paths, adapter: Path, work: Path,
           how: str | Gguf | Quantized) -> tuple[str, str]:
    """Write the model files; return the sentence on their precision, and the prompt format if it is known.

    Args:
        store, run, paths: where the record and the base model are.
        adapter: the cycle's adapter.
        work: the folder that is written.
        how: the form, or how it is made.
    """
    if how == "adapter":
        for name in ADAPTER_FILES:
            shutil.copyfile(adapter / name, work / name)
        return "the LoRA adapter only, in fp32; it needs its base model", ""
    if isinstance(how, str):
        merged = _merge(run, paths, adapter, work)
        return _precision(merged), merged.prompt
    with tempfile.TemporaryDirectory(prefix=".merged-", dir=work.parent) as name:
        folder = Path(name)
        merged = _merge(run, paths, adapter, folder)
        converted = _write_gguf(store, run, folder, merged, work, how) if isinstance(how, Gguf) else \
            _write_quantized(store, run, folder, work, how)
    return f"{_precision(merged)}; then {converted}", merged.prompt


def _write_quantized(store: Store, run: Run, folder: Path, work: Path, how: Quantized) -> str:
    """Convert a merged folder; calibrated on passages of training questions, never on those of the test."""
    from runner.export.engine_model import write_quantized  # late: imports torch

    items = dataset_items(store, run.id) if how.calibrated else []
    passages = list(dict.fromkeys(item.passage for item in items if item.part == TRAIN and item.passage))
    passages = passages[:CALIBRATION_PASSAGES]
    write_quantized(how.engine, folder, work, how.quantization, passages)
    on = f", calibrated on {len(passages)} passages of training questions" if passages else ""
    return f"written by {NAMES[how.engine]} with weights in {how.quantization}{on}"


def _write_gguf(store: Store, run: Run, folder: Path, merged: Merged, work: Path, gguf: Gguf) -> str:
    """Convert a merged folder, with what engines need beside the file; return how, as a phrase."""
    from runner.export.gguf_file import write_gguf  # late: slow
    from runner.export.modelfile import modelfile

    if gguf.converter:
        convert(gguf.converter, folder, work / GGUF_FILE)
        return f"converted to GGUF by {gguf.converter.name}"
    tool = installed_quantizer() if gguf.quantization in BY_LLAMA_CPP else None
    written = folder / "f16.gguf" if tool else work / GGUF_FILE
    write_gguf(folder, written, "f16" if tool else gguf.quantization, f"{base_of(run)} distilled in run {run.id}",
               base_licence(run))
    if tool:
        quantize(tool, written, work / GGUF_FILE, gguf.quantization)
    shutil.copyfile(folder / "generation_config.json", work / "generation_config.json")
    context = int(json.loads((folder / "config.json").read_text(encoding="utf-8"))["max_position_embeddings"])
    (work / "Modelfile").write_text(modelfile(GGUF_FILE, merged.template, merged.ends, generation_config(run.config),
                                              licence_note(run, origins_of(store, run.id)), context), encoding="utf-8")
    return f"written to GGUF with weights in {gguf.quantization.upper()}{' by llama-quantize' if tool else ''}"


def _merge(run: Run, paths: Paths, adapter: Path, to: Path) -> Merged:
    from runner.export.merged_model import write_merged  # late: imports torch

    precision = str((run.plan or {}).get("precision") or "bf16")
    return write_merged(run.config.student, precision, paths.models, adapter, to, run.config.own_chat_template,
                        generation_config(run.config))


def _precision(merged: Merged) -> str:
    if merged.precision == merged.from_precision:
        return f"merged into the base weights in {merged.precision}, as trained and scored"
    return (f"merged into the base weights in {merged.precision}, but trained and scored with a base in "
            f"{merged.from_precision}: answers can differ slightly from the recorded ones")
