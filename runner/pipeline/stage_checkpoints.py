"""Stage checkpoints: one JSON file per stage, with the events that the stage produced.

A file is written atomically and synced before its events are recorded in the store: a row without its file cannot
exist, and a file without its row is adopted if its header matches.
"""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from store.events import AdapterTrained, Event, PlaceboTrained, StudySetPrepared, from_json, to_json
from store.files import sha256_of, sha256_of_file, write_atomic

E = TypeVar("E", bound=Event)
ADAPTER_FILES = ("adapter_config.json", "adapter_model.safetensors")
"""The files of an adapter's folder, as PEFT names them."""


@dataclass(frozen=True)
class Header:
    """What a checkpoint belongs to; if any of these differs, the checkpoint is not used."""

    run: str
    cycle: int
    stage: str
    config_sha256: str
    inputs_sha256: str


@dataclass(frozen=True)
class Artifact:
    """A checkpoint as read: its events, and size and hash of the file."""

    header: Header
    events: tuple[Event, ...]
    sha256: str
    size_bytes: int

    def only(self, kind: type[E]) -> E:
        """Return the one event of this kind; ValueError if there is none, or more than one."""
        (event,) = (event for event in self.events if isinstance(event, kind))
        return event

    def first(self, kind: type[E]) -> E | None:
        """Return the first event of this kind, or None."""
        return next((event for event in self.events if isinstance(event, kind)), None)


def write_artifact(path: Path, header: Header, events: Sequence[Event]) -> Artifact:
    """Write a checkpoint atomically, and return it as read_artifact would."""
    body = {"header": dataclasses.asdict(header),
            "events": [{"kind": event.event_type, "payload": json.loads(to_json(event))} for event in events]}
    data = (json.dumps(body, indent=1, ensure_ascii=False) + "\n").encode()
    write_atomic(path, data)
    return Artifact(header, tuple(events), sha256_of(data), len(data))


def read_artifact(path: Path) -> Artifact | None:
    """Read the checkpoint at a path; None if there is none, or if it is truncated or malformed."""
    try:
        data = path.read_bytes()
        body = json.loads(data)
        events = tuple(from_json(item["kind"], json.dumps(item["payload"])) for item in body["events"])
        return Artifact(Header(**body["header"]), events, sha256_of(data), len(data))
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return None


def quarantine(path: Path) -> None:
    """Rename a checkpoint that does not match, if it exists, so that it can still be inspected."""
    if path.exists():
        path.replace(path.with_name(path.name + ".set-aside"))


def files_intact(artifact: Artifact, run_folder: Path) -> bool:
    """Return whether the files that a checkpoint names (adapter or study items) are there with the recorded hash."""
    prepared = artifact.first(StudySetPrepared)
    if prepared is not None:
        items = run_folder / prepared.file
        return items.is_file() and sha256_of_file(items) == prepared.sha256
    trained = artifact.first(AdapterTrained) or artifact.first(PlaceboTrained)
    if trained is None:
        return True
    config, weights = (run_folder / trained.adapter / name for name in ADAPTER_FILES)
    return config.is_file() and weights.is_file() and sha256_of_file(weights) == trained.sha256


class PartialResults:
    """Finished items of an unfinished stage, one JSON line each, so that a killed stage resumes where it stopped.

    A line that a kill left incomplete is dropped when the file is opened again.
    """

    def __init__(self, path: Path, header: Header) -> None:
        self._path = path
        self._head = json.dumps(dataclasses.asdict(header), sort_keys=True)
        self.items: list[dict[str, object]] = self._read()

    def add(self, items: Sequence[dict[str, object]]) -> None:
        """Append items and sync the file."""
        with self._path.open("a", encoding="utf-8") as file:
            file.writelines(json.dumps(item) + "\n" for item in items)
            file.flush()
            os.fsync(file.fileno())
        self.items += items

    def remove(self) -> None:
        """Delete the file, once the stage's artifact holds everything."""
        self._path.unlink(missing_ok=True)

    def _read(self) -> list[dict[str, object]]:
        items: list[dict[str, object]] = []
        lines = self._path.read_text(encoding="utf-8").splitlines() if self._path.exists() else []
        if lines and lines[0] == self._head:
            for line in lines[1:]:
                try:
                    items.append(json.loads(line))
                except ValueError:
                    break
        whole = "\n".join([self._head, *(json.dumps(item) for item in items)]) + "\n"
        write_atomic(self._path, whole.encode())
        return items
