"""How this program is called: `distill` where the wheel is installed, `python -m runner` in a checkout."""

from __future__ import annotations

from pathlib import Path

INSTALLED = Path(__file__).resolve().parents[1].name == "_app"
"""Whether it runs from a wheel, whose folders are in `distill/_app`."""
NAME = "distill" if INSTALLED else "python -m runner"


def as_called(text: str, installed: bool = INSTALLED) -> str:
    """Return a text with its commands as a person types them here."""
    if not installed:
        return text
    return (text.replace(".venv/bin/python -m runner", "distill").replace("python -m runner", "distill")
            .replace("make run", "distill demo --no-run"))
