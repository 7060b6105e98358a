"""A tuned student to take away: adapter, merged model or GGUF, each with a card made from the record."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from runner.export.model_card import model_card
from runner.pipeline.artifacts import ADAPTER_FILES
from store import queries
from store.database import Store
from store.files import sha256_of_file
from store.paths import Paths
from store.queries import Cycle, Run
from store.queries.best_adapter import best_adapter

FORMS = ("merged", "adapter", "gguf")
CARD = "README.md"
NO_CONVERTER = (
    "no converter to GGUF ships with this program: the gguf package writes the container only, and no kept package "
    "brings llama.cpp's converter; name its script with --converter PATH/convert_hf_to_gguf.py, or export --form "
    "merged and convert that")


class CannotExport(Exception):
    """There is nothing to take away, or no way to write it; the message says what to do."""


@dataclass(frozen=True)
class Exported:
    """What was written."""

    folder: Path
    held: str
    """In what precision, as a sentence."""
    warning: str
    """On choosing among several adapters; empty where there was no choice."""


def tuned_cycle(store: Store, paths: Paths, run_id: str, number: int | None) -> tuple[Run, Cycle, Path]:
    """A run's cycle with the folder of its adapter, seen to be the one that was recorded; None takes the best cycle.

    Raises:
        CannotExport: no such run or cycle, or no adapter, or not the one of the record.
    """
    run = queries.find_run(store, run_id)
    if run is None:
        raise CannotExport(f"no run {run_id!r}: list them with 'python -m runner status'")
    cycles = {cycle.cycle: cycle for cycle in queries.cycles_of(store, run_id) if cycle.adapter}
    if number is None:
        best = best_adapter(store, run_id)
        number = best.cycle if best else max(cycles, default=0)
    if number not in cycles:
        there = f"its adapters are those of cycles {', '.join(map(str, cycles))}" if cycles else "it has no adapter"
        raise CannotExport(f"run {run_id} has no adapter of cycle {number}: {there}")
    cycle = cycles[number]
    folder = paths.run(run_id) / str(cycle.adapter)
    if missing := [name for name in ADAPTER_FILES if not (folder / name).is_file()]:
        raise CannotExport(f"adapter {folder}: {missing[0]} is missing; put the run's folder back from a backup")
    if sha256_of_file(folder / ADAPTER_FILES[1]) != cycle.adapter_sha256:
        raise CannotExport(f"adapter {folder} is not the one that was recorded: its hash differs")
    return run, cycle, folder


def export(store: Store, paths: Paths, run_id: str, number: int | None, to: Path, form: str,
           converter: Path | None = None) -> Exported:
    """Write the student of a cycle to a new folder, whole or not at all.

    Raises:
        CannotExport: see `tuned_cycle`; or the folder is not empty, or no converter to GGUF is at hand.
        StudentError: the base model cannot be had, or the adapter does not fit it.
    """
    run, cycle, adapter = tuned_cycle(store, paths, run_id, number)
    if to.exists() and (not to.is_dir() or any(to.iterdir())):
        raise CannotExport(f"{to} is there already: name a new folder")
    if form == "gguf" and (converter is None or not converter.is_file()):
        raise CannotExport(NO_CONVERTER if converter is None else f"converter {converter} does not exist: "
                           "it is llama.cpp's convert_hf_to_gguf.py")
    to.parent.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(prefix=f".{to.name}-", dir=to.parent))
    try:
        held, prompt = _write(run, paths, adapter, work, form, converter)
        best = best_adapter(store, run_id)
        changes = queries.changes_of(store, run_id, cycle.cycle)
        (work / CARD).write_text(model_card(run, cycle, changes, best, form, held, prompt), encoding="utf-8")
        work.chmod(0o755)
        if to.exists():
            to.rmdir()
        work.rename(to)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return Exported(to, held, best.sentence if best else "")


def _write(run: Run, paths: Paths, adapter: Path, work: Path, form: str,
           converter: Path | None) -> tuple[str, str]:
    """Returns in what it is held, and the form of its prompt where the tokenizer was at hand."""
    if form == "adapter":
        for name in ADAPTER_FILES:
            shutil.copyfile(adapter / name, work / name)
        return "the LoRA adapter alone, in fp32; it needs its base model", ""
    if form == "merged":
        return _merge(run, paths, adapter, work)
    assert converter is not None
    with tempfile.TemporaryDirectory(prefix=".merged-", dir=work.parent) as merged:
        held, prompt = _merge(run, paths, adapter, Path(merged))
        _convert(converter, Path(merged), work / "model.gguf")
    return f"{held}; then converted to GGUF by {converter.name}", prompt


def _merge(run: Run, paths: Paths, adapter: Path, to: Path) -> tuple[str, str]:
    from runner.student.merged_export import write_merged  # late: imports torch

    precision = str((run.plan or {}).get("precision") or "bf16")
    merged = write_merged(run.config.student, precision, paths.models, adapter, to)
    if merged.precision == merged.from_precision:
        return f"merged into the base's weights in {merged.precision}, as it was trained and scored", merged.prompt
    return (f"merged into the base's weights in {merged.precision}, though it was trained and scored over a base held "
            f"in {merged.from_precision}: answers can differ slightly from those in the record", merged.prompt)


def _convert(converter: Path, model: Path, to: Path) -> None:
    done = subprocess.run([sys.executable, str(converter), str(model), "--outfile", str(to)], capture_output=True,
                          text=True, check=False)
    if done.returncode or not to.is_file():
        said = (done.stderr or done.stdout).strip().splitlines()
        raise CannotExport(f"{converter} failed with exit code {done.returncode}: {said[-1] if said else 'no output'}")
