"""Verify an evidence pack without a store and without network: its numbers, its design, its hashes, its signature."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from store.files import sha256_of
from store.report.pack_seal import FORMAT, SEAL, seal_differences, signer_of
from store.report.recompute import recompute
from store.report.signature import InvalidKey
from store.run_config import from_json, to_json
from store.sealed_test import sha256_of_test


class InvalidPack(ValueError):
    """A file is no evidence pack that this version can verify; the message is one sentence."""


@dataclass(frozen=True)
class Verification:
    """The result of verifying a pack; it is accepted if there are no differences."""

    run: str
    differences: tuple[str, ...]
    """What contradicts something else in the pack, a sentence each."""
    compared: int
    """Number of values that were computed again from the rows."""
    signer: str | None
    """Fingerprint of the public key in the pack; None if it is not signed."""
    design_sealed: bool
    """Whether the pack has a design that was sealed before its test was asked; False in runs of earlier versions."""


def verify(text: str, trusted: str | None = None) -> Verification:
    """Verify the text of a JSON evidence pack.

    Args:
        trusted: the public key (PEM) that has to have signed it; None accepts any key, and no signature.

    Raises:
        InvalidPack: not a pack, a pack of a newer version, or one that lacks what every pack has.
    """
    pack = _parsed(text)
    differences = seal_differences(pack, trusted)
    try:
        numbers = recompute(pack)
        differences += [*numbers.found, *_design_differences(pack)]
        run, sealed = str(pack["run"]["id"]), pack["asked"]["design"] is not None
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        if not differences:
            raise InvalidPack(f"the pack lacks what its numbers are computed from: {_named(error)}") from error
        return Verification("unknown", tuple(differences), 0, None, False)
    return Verification(run, tuple(differences), numbers.compared, _signer(pack), sealed)


def _parsed(text: str) -> dict[str, Any]:
    try:
        pack = json.loads(text)
    except ValueError as error:
        raise InvalidPack("the file is not JSON: a pack is what 'report RUN --to FILE.json' writes") from error
    if not isinstance(pack, dict) or not isinstance(pack.get(SEAL), dict):
        raise InvalidPack("the file has no seal: write the pack again with 'report RUN --to FILE.json'")
    if not isinstance(pack[SEAL].get("format"), int) or pack[SEAL]["format"] < 1:
        raise InvalidPack(f"the seal's format {pack[SEAL].get('format')!r} is not a version number")
    if pack[SEAL]["format"] > FORMAT:
        raise InvalidPack(f"the pack has format {pack[SEAL]['format']}, and this version reads up to {FORMAT}: "
                          "verify it with the version that wrote it")
    return pack


def _design_differences(pack: Mapping[str, Any]) -> list[str]:
    """Compare the sealed design with the test, the settings and the order of events; none in earlier versions."""
    design = pack["asked"]["design"]
    if design is None:
        return []
    config, test = pack["run"]["config"], [row for row in pack["asked"]["questions"] if row["stage"] == "held-out"]
    expected = {
        "questions": len(test), "test_sha256": sha256_of_test(test), "headline": config["headline"],
        "headline_tier": config["headline_tier"], "questions_hash": pack["run"]["held_out_hash"] or "",
        "config_sha256": sha256_of(to_json(from_json(config)).encode()),
    }
    found = [f"design: {name} was sealed as {str(design[name])[:40]}, and the pack has {str(value)[:40]}"
             for name, value in expected.items() if design[name] != value]
    seeds = from_json(config)
    if {seeds.seed, seeds.seed_of_training} != set(design["seeds"]):
        found.append(f"design: the seeds were sealed as {design['seeds']}, and the pack has seed {config['seed']}")
    kinds = [event["kind"] for event in pack["events"]]
    if "DesignSealed" not in kinds:
        found.append("design: the log has no event that sealed it")
    elif "AnswersGiven" in kinds and kinds.index("AnswersGiven") < kinds.index("DesignSealed"):
        found.append("design: the log has answers from before it was sealed")
    recorded = [event["event"] for event in pack["events"] if event["kind"] == "DesignSealed" and event["event"]]
    if recorded and design not in recorded:
        found.append("design: it differs from the event that sealed it")
    return [*found, *_text_differences(pack)]


def _text_differences(pack: Mapping[str, Any]) -> list[str]:
    """Compare the questions and references beside the answers with those that were asked."""
    asked = {(row["cycle"], row["question_id"]): row for row in pack["asked"]["questions"]}
    found = []
    for row in pack["answers"]:
        question = asked.get((row["cycle"], row["question_id"])) or asked.get((0, row["question_id"]))
        if question is None:
            found.append(f"answers: question {row['question_id']} of cycle {row['cycle']} was never asked")
            continue
        found += [f"answers: {name} of question {row['question_id']} is not the one that was asked"
                  for name in ("question", "reference", "tier", "topic", "passage_id") if row[name] != question[name]]
    return found


def _signer(pack: Mapping[str, Any]) -> str | None:
    try:
        return signer_of(pack)
    except InvalidKey:
        return None


def _named(error: Exception) -> str:
    return f"field {error}" if isinstance(error, KeyError) else str(error)
