"""Export a fine-tuned student as adapter, merged model or GGUF, each with a model card from the recorded data."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from runner.export.checksums import changed_files, write_checksums
from runner.export.errors import CannotExport
from runner.export.gguf_converter import checked_converter, convert
from runner.export.model_card import model_card
from runner.pipeline.artifacts import ADAPTER_FILES
from runner.pipeline.stages.generate_answers import generation_config
from store import queries
from store.database import Store
from store.files import sha256_of_file
from store.paths import Paths
from store.queries import Cycle, Run
from store.queries.best_adapter import best_adapter

FORMS = ("merged", "adapter", "gguf")
CARD = "README.md"


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
        raise CannotExport(f"no run {run_id!r}: list them with 'python -m runner status'")
    cycles = {cycle.cycle: cycle for cycle in queries.cycles_of(store, run_id) if cycle.adapter}
    if number is None:
        best = best_adapter(store, run_id)
        number = best.cycle if best else max(cycles, default=0)
    if number not in cycles:
        available = f"cycles with adapters: {', '.join(map(str, cycles))}" if cycles else "it has no adapters"
        raise CannotExport(f"run {run_id} has no adapter of cycle {number}: {available}")
    cycle = cycles[number]
    folder = paths.run(run_id) / str(cycle.adapter)
    if missing := [name for name in ADAPTER_FILES if not (folder / name).is_file()]:
        raise CannotExport(f"adapter {folder}: {missing[0]} is missing; restore the run's folder from a backup")
    if sha256_of_file(folder / ADAPTER_FILES[1]) != cycle.adapter_sha256:
        raise CannotExport(f"adapter {folder} is not the one that was recorded: its hash differs")
    return run, cycle, folder


def export(store: Store, paths: Paths, run_id: str, number: int | None, to: Path, form: str,
           converter: Path | None = None) -> Exported:
    """Write the student of a cycle to a new folder, atomically.

    Raises:
        CannotExport: see `tuned_cycle`; or the folder is not empty, or there is no GGUF converter.
        StudentError: the base model cannot be loaded, or the adapter does not fit it.
    """
    run, cycle, adapter = tuned_cycle(store, paths, run_id, number)
    if to.exists() and (not to.is_dir() or any(to.iterdir())):
        raise CannotExport(f"{to} already exists: choose a new folder")
    if form == "gguf":
        converter = checked_converter(converter)
    to.parent.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(prefix=f".{to.name}-", dir=to.parent))
    try:
        precision, prompt = _write(run, paths, adapter, work, form, converter)
        best = best_adapter(store, run_id)
        changes = queries.changes_of(store, run_id, cycle.cycle)
        (work / CARD).write_text(model_card(run, cycle, changes, best, form, precision, prompt), encoding="utf-8")
        write_checksums(work)
        work.chmod(0o755)
        if to.exists():
            to.rmdir()
        work.rename(to)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return Exported(to, precision, best.sentence if best else "")


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


def _write(run: Run, paths: Paths, adapter: Path, work: Path, form: str,
           converter: Path | None) -> tuple[str, str]:
    """Write the model files; return the sentence on their precision, and the prompt format if it is known."""
    if form == "adapter":
        for name in ADAPTER_FILES:
            shutil.copyfile(adapter / name, work / name)
        return "the LoRA adapter only, in fp32; it needs its base model", ""
    if form == "merged":
        return _merge(run, paths, adapter, work)
    assert converter is not None
    with tempfile.TemporaryDirectory(prefix=".merged-", dir=work.parent) as merged:
        precision, prompt = _merge(run, paths, adapter, Path(merged))
        convert(converter, Path(merged), work / "model.gguf")
    return f"{precision}; then converted to GGUF by {converter.name}", prompt


def _merge(run: Run, paths: Paths, adapter: Path, to: Path) -> tuple[str, str]:
    from runner.export.merged_model import write_merged  # late: imports torch

    precision = str((run.plan or {}).get("precision") or "bf16")
    merged = write_merged(run.config.student, precision, paths.models, adapter, to, run.config.own_chat_template,
                          generation_config(run.config))
    if merged.precision == merged.from_precision:
        return f"merged into the base weights in {merged.precision}, as trained and scored", merged.prompt
    return (f"merged into the base weights in {merged.precision}, but trained and scored with a base in "
            f"{merged.from_precision}: answers can differ slightly from the recorded ones", merged.prompt)
