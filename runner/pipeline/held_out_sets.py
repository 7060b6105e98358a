"""Named held-out sets: questions and references that several runs share, locked by hash.

The first run that names a set draws it; afterwards it is only read. A set whose file was altered, or that
was drawn from other knowledge, is refused: a comparison over it would compare different tests.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from store.events import Event, from_json, to_json
from store.files import sha256_of, write_atomic


class HeldOutSetError(Exception):
    """A named set was altered, or belongs to other knowledge."""
    error_kind = "knowledge"


def path_of(data: Path, name: str) -> Path:
    """The file of a named set within a data folder."""
    return data / "held-out-sets" / f"{name}.json"


def load(path: Path, knowledge_hash: str) -> list[Event] | None:
    """The locked set's events, or None where nobody has drawn it yet.

    Raises:
        HeldOutSetError: altered since it was locked, unreadable, or drawn from other knowledge.
    """
    if not path.exists():
        return None
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        sealed, drawn_from = content["sha256"], content["knowledge_hash"]
        events = [from_json(item["kind"], json.dumps(item["payload"])) for item in content["events"]]
    except (ValueError, KeyError, TypeError) as error:
        raise HeldOutSetError(f"held-out set {path.stem!r} cannot be read ({error}): remove {path} to draw it "
                              "anew, or name another set") from error
    if sealed != _digest(events):
        raise HeldOutSetError(f"held-out set {path.stem!r} was altered after it was locked: remove {path} to draw "
                              "it anew, or name another set")
    if drawn_from != knowledge_hash:
        raise HeldOutSetError(f"held-out set {path.stem!r} was drawn from knowledge {drawn_from}, and this run uses "
                              f"{knowledge_hash}: name another set")
    return events


def freeze(path: Path, knowledge_hash: str, events: Sequence[Event]) -> list[Event]:
    """Write a set for good; returns its events."""
    body = {"sha256": _digest(events), "knowledge_hash": knowledge_hash,
            "events": [{"kind": event.event_type, "payload": json.loads(to_json(event))} for event in events]}
    write_atomic(path, (json.dumps(body, indent=1, ensure_ascii=False) + "\n").encode())
    return list(events)


def _digest(events: Sequence[Event]) -> str:
    text = "\n".join(f"{event.event_type} {to_json(event)}" for event in events)
    return sha256_of(text.encode())
