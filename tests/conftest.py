"""What all tests share: the environment that every process of a test run gets."""

from __future__ import annotations

import os

# Two OpenMP threads on a busy machine slow each other down out of all proportion.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
os.environ["HF_HUB_OFFLINE"] = "1"
