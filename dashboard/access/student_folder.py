"""Check before a launch that a student given as a folder is one; a hub name is left to the runner."""

from __future__ import annotations

import socket
from pathlib import Path

from dashboard.access import store_access
from store import queries
from store.database import StoreError

_PATH_STARTS = ("/", "./", "../", "~")


def fault_of(student: str) -> str | None:
    """One sentence if this names a folder that is no model; None else, or where another machine's runner is online."""
    student = student.strip()
    if not student.startswith(_PATH_STARTS) or _has_remote_runner():
        return None
    folder = Path(student).expanduser()
    if not folder.is_dir():
        return f"student {student!r}: there is no such folder; use a model folder, a Hugging Face id, or embedded"
    if not (folder / "config.json").is_file():
        return f"student {student!r}: the folder has no config.json, so it is no model; use a model folder"
    return None


def _has_remote_runner() -> bool:
    try:
        store = store_access.read_store()
        connected = queries.connected_runners(store) if store else []
    except StoreError:
        return False
    return any(runner.host.partition("/")[0] != socket.gethostname() for runner in connected)
