"""Threads of a process that serves for weeks allocate from one heap."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
SCRIPT = """
import ctypes, sys, threading
from runner.hardware import share_one_heap

if sys.argv[1] == "one":
    share_one_heap()
together, kept = threading.Barrier(4), []

def allocate():
    kept.append(bytearray(100_000))
    together.wait()

threads = [threading.Thread(target=allocate) for _ in range(4)]
for thread in threads: thread.start()
for thread in threads: thread.join()
libc = ctypes.CDLL(None)
libc.fdopen.restype = ctypes.c_void_p
out = ctypes.c_void_p(libc.fdopen(1, b"w"))
libc.malloc_info(0, out)
libc.fflush(out)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="glibc's allocator")
def test_threads_allocate_from_one_heap_where_they_are_told_to() -> None:
    heaps = {what: subprocess.run([sys.executable, "-c", SCRIPT, what], cwd=ROOT, capture_output=True, text=True,
                                  check=True).stdout.count("<heap nr=") for what in ("one", "several")}
    assert heaps["one"] == 1 < heaps["several"]
