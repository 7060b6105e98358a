"""Checkpoints: one JSON file a stage, holding the events that the stage tells.

A file is written under a temporary name, synced, renamed, and its folder synced, before the store hears of it:
a row without its file cannot be; a file without its row is adopted when its header fits.
"""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from store.events import Event, from_json, to_json
from store.files import sha256_of, write_atomic

E = TypeVar("E", bound=Event)
ADAPTER_FILES = ("adapter_config.json", "adapter_model.safetensors")
"""What an adapter's folder holds, as PEFT names it."""


@dataclass(frozen=True)
class Header:
    """What a checkpoint belongs to: another run, cycle, stage, configuration or input makes it another file."""

    run: str
    cycle: int
    stage: str
    config_sha256: str
    inputs_sha256: str


@dataclass(frozen=True)
class Artifact:
    """A checkpoint as read: its events, and the hash of its bytes."""

    header: Header
    events: tuple[Event, ...]
    sha256: str
    size_bytes: int

    def only(self, kind: type[E]) -> E:
        """The one event of this kind."""
        (event,) = (event for event in self.events if isinstance(event, kind))
        return event

    def first(self, kind: type[E]) -> E | None:
        """The first event of this kind, or None."""
        return next((event for event in self.events if isinstance(event, kind)), None)


def write_artifact(path: Path, header: Header, events: Sequence[Event]) -> Artifact:
    """Write a checkpoint whole or not at all; returns it as it now stands on disk."""
    body = {"header": dataclasses.asdict(header),
            "events": [{"kind": event.event_type, "payload": json.loads(to_json(event))} for event in events]}
    data = (json.dumps(body, indent=1, ensure_ascii=False) + "\n").encode()
    write_atomic(path, data)
    return Artifact(header, tuple(events), sha256_of(data), len(data))


def read_artifact(path: Path) -> Artifact | None:
    """The checkpoint at a path; None where there is none or it is torn or altered beyond reading."""
    try:
        data = path.read_bytes()
        body = json.loads(data)
        events = tuple(from_json(item["kind"], json.dumps(item["payload"])) for item in body["events"])
        return Artifact(Header(**body["header"]), events, sha256_of(data), len(data))
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return None


def quarantine(path: Path) -> None:
    """Keep a file that fits nothing under another name, for a person to look at."""
    if path.exists():
        path.replace(path.with_name(path.name + ".set-aside"))


class PartialResults:
    """Finished items of a stage that is not finished: one JSON line each, so that a killed stage goes on, not back.

    A line that was torn by a kill is cut off when the file is opened again.
    """

    def __init__(self, path: Path, header: Header) -> None:
        self._path = path
        self._head = json.dumps(dataclasses.asdict(header), sort_keys=True)
        self.items: list[dict[str, object]] = self._read()

    def add(self, items: Sequence[dict[str, object]]) -> None:
        """Append items and sync them."""
        with self._path.open("a", encoding="utf-8") as file:
            file.writelines(json.dumps(item) + "\n" for item in items)
            file.flush()
            os.fsync(file.fileno())
        self.items += items

    def remove(self) -> None:
        """The stage is finished: its artifact holds everything now."""
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
