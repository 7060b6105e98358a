"""Seconds from the start of a process until the embedded student is ready to answer, files in the system's cache."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time

from tests.bench.row import Row

ROUNDS = 3
READY = ("from runner.student import open_student; from store.config import preset; "
          "from store.locations import locations; open_student(preset('embedded'), locations().models)")
_THE_LIBRARYS = ("from runner.student.bundled import embedded_student_folder; from store.locations import locations; "
                 "from transformers import AutoModelForCausalLM, AutoTokenizer; import torch; "
                 "folder = embedded_student_folder(locations().models); AutoTokenizer.from_pretrained(folder); "
                 "AutoModelForCausalLM.from_pretrained(folder, dtype=torch.bfloat16)")


def measure_load() -> list[Row]:
    """Whole processes, their own start and end included; the bare import of the libraries stands beside them."""
    ways = {"import torch and transformers": "import torch, transformers.modeling_utils",
            "the same student through the library": _THE_LIBRARYS, "the embedded student ready": READY}
    seconds: dict[str, list[float]] = {what: [] for what in ways}
    _time(READY)  # unpacks the student where that was not done yet, and fills the cache
    for _ in range(ROUNDS):
        for what, code in ways.items():
            seconds[what].append(_time(code))
    bare, library, ready = ways
    median = {what: statistics.median(found) for what, found in seconds.items()}
    return [Row(bare, median[bare], "s"), Row(library, median[library], "s"),
            Row(ready, median[ready], "s", median[ready] / median[library], library, "< 3 s")]


def _time(code: str) -> float:
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], check=True, stderr=subprocess.DEVNULL)
    return time.perf_counter() - began
