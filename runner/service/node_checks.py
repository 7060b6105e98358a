"""Check on a node of a cluster that it can execute runs: its code, the store, the artifact store, GPU and precision."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sqlalchemy.exc import SQLAlchemyError

from runner.artifact_store import check_artifact_store, open_artifact_store
from runner.artifact_store.errors import InvalidAddress, UnusableObject
from runner.hardware import measure, probe_precision
from runner.service.code_hash import code_sha256
from store.database import StoreError, StoreNotFound, open_for_reading


def node_findings(expected_sha256: str, environment: Mapping[str, str], written: str = "") -> dict[str, Any]:
    """Return what this node has, and under `problems` why runs would fail here.

    Args:
        expected_sha256: of the code of the runner that asks.
        environment: STORE_URL, ARTIFACTS, and the DATA_DIR that is used where the node has none of its own.
    """
    data = Path(os.environ.get("DATA_DIR") or environment["DATA_DIR"])
    machine, probe = measure(), probe_precision()
    answers = {"program": "" if code_sha256() == expected_sha256 else "it has another version of the program",
               "store": _store_fault(environment["STORE_URL"]),
               "artifact store": _artifact_fault(environment["ARTIFACTS"], written),
               "data folder": _folder_fault(data)}
    return {"gpu": machine.gpu or "none", "cores": machine.cores, "faster precision": probe.faster,
            "data folder": str(data), "problems": [f"{name}: {fault}" for name, fault in answers.items() if fault]}


def _store_fault(url: str) -> str:
    try:
        open_for_reading(url).close()
    except StoreNotFound:
        return ""  # it answers, and is empty
    except (StoreError, SQLAlchemyError) as error:
        return str(error).splitlines()[0]
    return ""


def _artifact_fault(address: str, written: str) -> str:
    """Write an object from this node and read it back, and read what the runner's host wrote."""
    try:
        check_artifact_store(address)
        if written and (artifacts := open_artifact_store(address)):
            artifacts.read_bytes(written)
    except UnusableObject:
        return f"{address} is not the one of the runner's host: what that wrote is not there"
    except (InvalidAddress, OSError) as error:
        return str(error)
    return ""


def _folder_fault(folder: Path) -> str:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        return str(error)
    return "" if os.access(folder, os.W_OK | os.X_OK) else f"{folder} is not writable"
