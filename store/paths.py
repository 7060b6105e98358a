"""Where state lives: one data folder and one store address, both movable by the environment.

`DATA_DIR` (default `data`) holds everything; `STORE_URL` (default: SQLite inside it) moves the events alone.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Paths:
    """The folders of one installation; nothing is created by asking for them."""

    data: Path
    store_url: str

    @property
    def models(self) -> Path:
        return self.data / "models"

    @property
    def exports(self) -> Path:
        return self.data / "exports"

    @property
    def backups(self) -> Path:
        return self.data / "backups"

    def run(self, run_id: str) -> Path:
        return self.data / "runs" / run_id


def default_paths() -> Paths:
    """The folders that the environment names, absolute."""
    data = Path(os.environ.get("DATA_DIR") or "data").absolute()
    return Paths(data=data, store_url=os.environ.get("STORE_URL") or f"sqlite:///{data / 'events.db'}")
