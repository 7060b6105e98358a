"""Check before a launch that a student given as a folder is one; a hub name is left to the runner."""

from __future__ import annotations

from pathlib import Path

from dashboard.access.runner_place import has_remote_runner

_PATH_STARTS = ("/", "./", "../", "~")


def fault_of(student: str) -> str | None:
    """One sentence if this names a folder that is no model; None else, or where another machine's runner is online."""
    student = student.strip()
    if not student.startswith(_PATH_STARTS) or has_remote_runner():
        return None
    folder = Path(student).expanduser()
    if not folder.is_dir():
        return f"student {student!r}: there is no such folder; use a model folder, a Hugging Face id, or embedded"
    if not (folder / "config.json").is_file():
        return f"student {student!r}: the folder has no config.json, so it is no model; use a model folder"
    return None
