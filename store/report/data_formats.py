"""Render the evidence as JSON, complete, and as CSV, one row per question and cycle, enough to recompute it all."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from store.csv_json_html import answer_rows, to_csv
from store.analysis.gain_forecast import as_json as forecast_json
from store.analysis.group_result import as_json as group_json
from store.analysis.required_sample_size import LargerTest
from store.headline import margin_of
from store.report.evidence import Evidence
from store.report.pack_seal import SEAL, seal_of
from store.report.reproduce_command import command_of

_NOT_EXPORTED = ("log", "answers", "group")


def as_json(evidence: Evidence, key: Ed25519PrivateKey | None = None) -> str:
    """Return all evidence as JSON, nothing truncated; a missing number is null, with its reason in another field.

    Its section `seal` has the hash of every other section, and with a `key` their signature.
    """
    content: dict[str, Any] = {name: _value(getattr(evidence, name)) for name in evidence.__dataclass_fields__
                               if name not in _NOT_EXPORTED}
    content |= {
        "command": command_of(evidence.run.config),
        "memorisation": [{**dataclasses.asdict(one), "distance": one.distance} for one in evidence.memorisation],
        "over_cycles": _value(evidence.cycle_findings),
        "margin": margin_of(evidence.run.config, evidence.headline),
        "choice_baselines": [{**dataclasses.asdict(one), "finding": one.finding} for one in evidence.choice_baselines],
        "people": [_value(one) | {"sentence": one.sentence} for one in evidence.people],
        "reviewers": _value(evidence.reviewers) | {"sentence": evidence.reviewers.sentence} if evidence.reviewers
                     else None,
        "forecast": forecast_json(evidence.forecast) if evidence.forecast else None,
        "group": group_json(evidence.group) if evidence.group else None,
        "larger_test": larger_test_json(evidence.larger_test),
        "answers": answer_rows(evidence.answers),
        "events": [{"at": item.at, "cycle": item.cycle, "stage": item.stage, "kind": item.kind,
                    "event": _value(item.event)} for item in reversed(evidence.log)],
    }
    written = json.loads(json.dumps(content, default=str, allow_nan=False))
    return json.dumps(written | {SEAL: seal_of(written, key)}, ensure_ascii=False, indent=1)


def as_csv(evidence: Evidence) -> str:
    """Return every question with both answers and all scores as CSV."""
    return to_csv([{"run": evidence.run.id, **row} for row in answer_rows(evidence.answers)])


def larger_test_json(found: LargerTest | None) -> dict[str, Any] | None:
    """Return what would decide an inconclusive verdict, with its sentence and the command that launches it."""
    if found is None:
        return None
    return {name: getattr(found, name) for name in found.__dataclass_fields__ if name != "config"} | {
        "sentence": found.sentence(), "command": command_of(found.config)}


def _value(thing: Any) -> Any:
    if isinstance(thing, list | tuple):
        return [_value(item) for item in thing]
    if not dataclasses.is_dataclass(thing) or isinstance(thing, type):
        return thing
    return dataclasses.asdict(thing)
