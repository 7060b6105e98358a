"""What all tests share: the environment of every process of a test run, and the main module of the test process."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Iterator

import hypothesis
import pytest

# Two OpenMP threads on a busy machine slow each other down out of all proportion.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
os.environ["HF_HUB_OFFLINE"] = "1"
_MAIN = sys.modules["__main__"]
hypothesis.settings.register_profile("busy machine", deadline=None)
hypothesis.settings.load_profile("busy machine")


@pytest.fixture(autouse=True)
def _main_stays_main() -> Iterator[None]:
    """Restore `__main__`: AppTest leaves its script there, and a process spawned later would run it again."""
    yield
    sys.modules["__main__"] = _MAIN


@pytest.fixture(scope="module", autouse=True)
def _collections_skip_what_is_there_to_stay() -> Iterator[None]:
    """Keep garbage collections small, of which every stage makes one.

    A test process holds millions of objects of imported modules; a full collection over them takes half a second, and
    was more than half of the time of the tests that execute runs.
    """
    gc.collect()
    gc.freeze()
    yield
