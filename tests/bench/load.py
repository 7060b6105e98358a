"""Seconds from the start of a process until the embedded student is ready to answer, files in the system's cache.

The plain way: tokenizer and model by the library's own classes, from the same folder.
"""

from __future__ import annotations

import resource
import statistics
import subprocess
import sys
import time

from tests.bench.row import Row

ROUNDS = 3
READY = ("from runner.student import open_student; from store.presets import preset; "
         "from store.paths import default_paths; open_student(preset('embedded'), default_paths().models)")
_THE_LIBRARYS = ("from runner.student.models.bundled import embedded_student_folder; "
                 "from store.paths import default_paths; "
                 "from transformers import AutoModelForCausalLM, AutoTokenizer; import torch; "
                 "folder = embedded_student_folder(default_paths().models); AutoTokenizer.from_pretrained(folder); "
                 "AutoModelForCausalLM.from_pretrained(folder, dtype=torch.bfloat16)")


def measure_load() -> list[Row]:
    """Whole processes, their own start and end included, one way after the other; medians of the rounds.

    Processor time stands beside the seconds: it hardly depends on who else uses the machine.
    """
    ways = {"import torch and transformers": "import torch, transformers.modeling_utils",
            "the same student through the library": _THE_LIBRARYS, "the embedded student ready": READY}
    took: dict[str, list[tuple[float, float]]] = {what: [] for what in ways}
    _time(READY)  # unpacks the student where that was not done yet, and fills the cache
    for _ in range(ROUNDS):
        for what, code in ways.items():
            took[what].append(_time(code))
    seconds, busy = ({what: statistics.median(one[at] for one in found) for what, found in took.items()}
                     for at in (0, 1))
    bare, library, ready = ways
    return [Row(bare, seconds[bare], "s"), Row(library, seconds[library], "s"),
            Row(ready, seconds[ready], "s", seconds[ready] / seconds[library], library, "< 3 s"),
            Row(f"{library}, processor time", busy[library], "s"),
            Row(f"{ready}, processor time", busy[ready], "s", busy[ready] / busy[library], library)]


def _time(code: str) -> tuple[float, float]:
    """Seconds by the clock, and of the processor, of a process and what it started."""
    began, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-c", code], check=True, stderr=subprocess.DEVNULL)
    took, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    return took, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
