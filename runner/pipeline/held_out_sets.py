"""Shared test sets: held-out questions and references that several runs use, frozen by hash.

The first run that names a set generates it; afterwards it is only read. A set whose file was modified, or that was
generated from other documents, is refused: a comparison over it would compare different tests.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path

from store.events import Event, QuestionsRejected, from_json, to_json
from store.files import sha256_of, write_atomic


class HeldOutSetError(Exception):
    """A shared test set was modified, or belongs to other documents."""
    error_kind = "knowledge"


def path_of(data: Path, name: str) -> Path:
    """Return the path of a shared test set within a data folder."""
    return data / "held-out-sets" / f"{name}.json"


def load(path: Path, knowledge_hash: str) -> list[Event] | None:
    """Return the events of a frozen set, or None if it does not exist yet.

    Raises:
        HeldOutSetError: modified since it was frozen, unreadable, or generated from other documents.
    """
    if not path.exists():
        return None
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        recorded_digest, source_hash = content["sha256"], content["knowledge_hash"]
        events = [from_json(item["kind"], json.dumps(item["payload"])) for item in content["events"]]
    except (ValueError, KeyError, TypeError) as error:
        raise HeldOutSetError(f"shared test set {path.stem!r} cannot be read ({error}): delete {path} to "
                              "generate it again, or choose another set") from error
    if recorded_digest != _digest(events):
        raise HeldOutSetError(f"shared test set {path.stem!r} was modified after it was frozen: delete {path} "
                              "to generate it again, or choose another set")
    if source_hash != knowledge_hash:
        raise HeldOutSetError(f"shared test set {path.stem!r} was generated from documents {source_hash}, and this "
                              f"run uses {knowledge_hash}: choose another set")
    return events


def freeze(path: Path, knowledge_hash: str, events: Sequence[Event]) -> list[Event]:
    """Write a set with its hash, unless another run was first; return the events of the set that is kept."""
    body = {"sha256": _digest(events), "knowledge_hash": knowledge_hash,
            "events": [{"kind": event.event_type, "payload": json.loads(to_json(event))} for event in events]}
    own = path.with_name(f".{path.stem}-{os.getpid()}.json")
    write_atomic(own, (json.dumps(body, indent=1, ensure_ascii=False) + "\n").encode())
    try:
        os.link(own, path)  # fails where the name is taken, unlike a rename
    except FileExistsError:
        return load(path, knowledge_hash) or list(events)
    except OSError:  # a file system without hard links
        write_atomic(path, own.read_bytes())
    finally:
        own.unlink()
    return list(events)


def freeze_approved(path: Path, knowledge_hash: str, events: Sequence[Event]) -> list[Event]:
    """Write a set that people have approved, or return it where it is frozen so already.

    Raises:
        HeldOutSetError: another run has fixed another set meanwhile.
    """
    kept = load(path, knowledge_hash)
    if kept is None:
        kept = freeze(path, knowledge_hash, events)
    if [one for one in kept if not isinstance(one, QuestionsRejected)] != list(events):
        raise HeldOutSetError(f"shared test set {path.stem!r} was fixed by another run while this one's was reviewed: "
                              "launch the run again, under another name of the set or with that test")
    return list(events)


def _digest(events: Sequence[Event]) -> str:
    text = "\n".join(f"{event.event_type} {to_json(event)}" for event in events)
    return sha256_of(text.encode())
