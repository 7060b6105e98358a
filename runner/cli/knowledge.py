"""`knowledge`: list the topics of the documents with their passages and questions."""

from __future__ import annotations

import argparse
import dataclasses
import json
from pathlib import Path
from typing import Any

from knowledge.documents import IngestResult, NoSuchFolder, NothingReadable, read_folder
from knowledge.domain import counts, domain_of
from knowledge.kubernetes.topics import BUILT_IN
from knowledge.loader import name_of, open_knowledge
from runner.errors import UserError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The documents, and the output format."""
    parser.add_argument("--json", action="store_true", help="print one JSON object: topic -> source -> counts; of a "
                        "folder also left_out, remarks and sentences_left_out")
    parser.add_argument("--knowledge", default=BUILT_IN, metavar="DIR",
                        help="a folder of documents instead of the built-in domain")


def run(args: argparse.Namespace) -> int:
    """Print the topics with their passages and questions."""
    try:
        return show_knowledge(args.json, args.knowledge)
    except (NoSuchFolder, NothingReadable) as error:
        raise UserError(str(error)) from error


def show_knowledge(json_output: bool, knowledge: str) -> int:
    """Print per topic the number of passages and questions from each source; of a folder also what was left out."""
    reading = None if knowledge == BUILT_IN else read_folder(Path(knowledge).expanduser())
    domain = open_knowledge(knowledge) if reading is None else \
        domain_of(name_of(knowledge), reading.passages, reading.topic_names)
    found: dict[str, Any] = {topic: {source: dataclasses.asdict(count) for source, count in sources.items()}
             for topic, sources in counts(domain).items()}
    if json_output:
        print(json.dumps(found | (_left_out(reading) if reading else {})))
        return 0
    print(f"{domain.name}: {len(domain.passages)} passages, hash {domain.hash}")
    width = max(map(len, found)) + 2
    for topic, sources in found.items():
        print(f"{topic:{width}}" + "   ".join(f"{source}: {n['passages']} passages, {n['questions']} questions"
                                              for source, n in sources.items()))
    if reading:
        print(*left_out_lines(reading), sep="\n")
    return 0


def _left_out(reading: IngestResult) -> dict[str, Any]:
    return {"left_out": [dataclasses.asdict(file) for file in reading.skipped],
            "remarks": [dataclasses.asdict(file) for file in reading.remarks],
            "sentences_left_out": dict(reading.sentences_left_out)}


def left_out_lines(reading: IngestResult, most: int | None = None) -> list[str]:
    """Describe what of a folder is not in its passages: files by name, at most `most` of them, sentences by rule."""
    lines = [f"files left out: {len(reading.skipped)}"]
    lines += [f"  {file.path}: {file.reason}" for file in reading.skipped[:most]]
    if most is not None and len(reading.skipped) > most:
        lines.append(f"  and {len(reading.skipped) - most} more: `knowledge --knowledge DIR` names them")
    lines += [f"  {file.path}: {file.reason}" for file in reading.remarks[:most]]
    count = sum(reading.sentences_left_out.values())
    rules = "; ".join(f"{rule}: {times}" for rule, times in reading.sentences_left_out.items())
    return [*lines, f"sentences left out: {count}" + (f" ({rules})" if rules else "")]
