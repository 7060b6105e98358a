"""Compare the outcome of a run with that of an undisturbed one: artifacts, events, read models, LLM calls."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from sqlalchemy import select

from store import queries, schema
from store.database import Store, integrity_faults, open_store
from store.event_log.journal import head_of, read_events
from store.projections.rebuild import rebuild
from tests.chaos.forked_processes import places_in

_OF_ATTEMPTS = {"RunStarted", "RunRequeued", "RunPaused", "RunCancelled", "RunFailed", "RecoveryTaken", "StageStarted",
                "StageFailed", "StageProgressed", "MetricLogged", "AnswerSampled", "PlanChosen", "FilesStored"}
"""Events about attempts, which may differ in number; all other events occur exactly once."""
_CLOCK = {"StageFinished": ("seconds", "adopted")}


def facts(folder: Path, run: str) -> dict[str, Any]:
    """Return everything about a finished run that must not depend on interruptions."""
    store = open_store(places_in(folder).store_url)
    found = queries.find_run(store, run)
    assert found
    told = {"work": [found.work, found.verdict, found.sentence],
            "artifacts": _artifacts(places_in(folder).run(run)),
            "history": history(store, run), "loss": _loss(store, run),
            "receipts": _column(store, schema.teacher_calls.c.key)}
    store.close()
    return json.loads(json.dumps(told))  # type: ignore[no-any-return]


def faults(folder: Path, run: str, expected: dict[str, Any], deaths: int) -> list[str]:
    """Return what is wrong with a trial's outcome; empty if nothing."""
    found = facts(folder, run)
    wrong = [f"{part} differ: {_difference(expected[part], found[part])}" for part in expected
             if found[part] != expected[part]]
    store = open_store(places_in(folder).store_url)
    seqs = [item.seq for item in read_events(store, run)]
    if seqs != list(range(1, len(seqs) + 1)) or head_of(store, run) != len(seqs):
        wrong.append(f"the sequence has gaps or doubles: head {head_of(store, run)}, {seqs[-5:]}")
    wrong += [f"integrity: {fault}" for fault in integrity_faults(store)]
    if any(_column(store, schema.claims.c.owner)):
        wrong.append("somebody still holds the run")
    before = read_models(store)
    with store.write() as connection:
        rebuild(connection)
    after = read_models(store)
    wrong += [f"read model {name} is not what the events make of it" for name in before if before[name] != after[name]]
    store.close()
    return wrong + _billed(folder, found["receipts"], deaths)


def _artifacts(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in sorted(folder.rglob("*")) if path.is_file() and path.suffix == ".json"
            and not path.name.startswith(".")}


def history(store: Store, run: str) -> list[Any]:
    """The events of a run that occur exactly once, however often it was attempted: cycle, stage, kind and payload."""
    table = schema.events
    with store.read() as connection:
        rows = connection.execute(select(table).where(table.c.run == run).order_by(table.c.seq)).all()
    told = []
    for row in rows:
        if row.kind not in _OF_ATTEMPTS:
            payload = json.loads(row.payload)
            for field in _CLOCK.get(row.kind, ()):
                payload.pop(field)
            told.append([row.cycle, row.stage, row.kind, payload])
    return told


def _loss(store: Store, run: str) -> list[Any]:
    return sorted([p.cycle, p.stage, p.step, p.value] for p in queries.series(store, run, "loss"))


def _column(store: Store, column: Any) -> list[Any]:
    with store.read() as connection:
        return sorted(connection.execute(select(column)).scalars(), key=str)


def read_models(store: Store) -> dict[str, list[Any]]:
    with store.read() as connection:
        return {table.name: sorted(map(repr, connection.execute(select(table)))) for table in schema.READ_MODELS}


def _billed(folder: Path, receipts: list[str], deaths: int) -> list[str]:
    """Check that a call is repeated only if a kill or fault came between the call and its record."""
    bill = (folder / "calls").read_text().split()
    again = len(bill) - len(set(bill))
    if len(set(bill)) != len(receipts):
        return [f"{len(set(bill))} calls and {len(receipts)} receipts"]
    return [f"{again} calls were paid twice, for {deaths} deaths"] if again > deaths else []


def _difference(expected: Any, found: Any) -> str:
    if isinstance(expected, dict):
        return str({key: (expected.get(key), found.get(key)) for key in expected.keys() | found.keys()
                    if expected.get(key) != found.get(key)})[:500]
    missing = [item for item in expected if item not in found]
    more = [item for item in found if item not in expected]
    return f"missing {str(missing)[:300]}, too many {str(more)[:300]}, {len(expected)} and {len(found)}"
