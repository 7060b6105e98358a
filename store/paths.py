"""Paths of the data directory and the store's URL, both configurable by environment variables.

`DATA_DIR` (default `data`) holds everything; `STORE_URL` (default: SQLite in DATA_DIR) moves only the store;
`ARTIFACTS` (default: none) keeps the files of runs a second time, where other hosts find them.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import make_url


@dataclass(frozen=True)
class Paths:
    """The folders of one installation; reading them creates nothing."""

    data: Path
    store_url: str
    artifacts: str = ""
    """Address of the artifact store; empty if files are in the data folder alone."""

    @property
    def models(self) -> Path:
        return self.data / "models"

    @property
    def exports(self) -> Path:
        return self.data / "exports"

    @property
    def documents(self) -> Path:
        """Fetched documents: clones and unpacked archives."""
        return self.data / "documents"

    @property
    def uploads(self) -> Path:
        """Documents and questions that people uploaded."""
        return self.data / "uploads"

    @property
    def backups(self) -> Path:
        return self.data / "backups"

    def run(self, run_id: str) -> Path:
        return self.data / "runs" / run_id

    @property
    def environment(self) -> dict[str, str]:
        """The environment variables by which another process has the same paths."""
        return {"DATA_DIR": str(self.data), "STORE_URL": self.store_url, "ARTIFACTS": self.artifacts}


def default_paths() -> Paths:
    """Return the paths set by the environment variables, absolute."""
    data = Path(os.environ.get("DATA_DIR") or "data").absolute()
    return Paths(data=data, store_url=os.environ.get("STORE_URL") or sqlite_url(data / "events.db"),
                 artifacts=os.environ.get("ARTIFACTS") or "")


def sqlite_url(file: Path) -> str:
    """Return the URL of a SQLite file, with the two characters encoded that mean something else in a URL."""
    return f"sqlite:///{str(file).replace('%', '%25').replace('?', '%3F')}"


def sqlite_file(url: str) -> Path | None:
    """Return the file of a SQLite store's URL; None for another database."""
    address = make_url(url)
    return Path(address.database) if address.get_backend_name() == "sqlite" and address.database else None
