"""`knowledge`: list the topics of the documents with their passages and questions."""

from __future__ import annotations

import argparse
import dataclasses
import json

from knowledge.documents import NoSuchFolder, NothingReadable
from knowledge.domain import counts
from knowledge.kubernetes.topics import BUILT_IN
from knowledge.loader import open_knowledge
from runner.errors import UserError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The documents, and the output format."""
    parser.add_argument("--json", action="store_true", help="print one JSON object: topic -> source -> counts")
    parser.add_argument("--knowledge", default=BUILT_IN, metavar="DIR",
                        help="a folder of documents instead of the built-in domain")


def run(args: argparse.Namespace) -> int:
    """Print the topics with their passages and questions."""
    try:
        return show_knowledge(args.json, args.knowledge)
    except (NoSuchFolder, NothingReadable) as error:
        raise UserError(str(error)) from error


def show_knowledge(json_output: bool, knowledge: str) -> int:
    """Print per topic the number of passages and questions from each source."""
    domain = open_knowledge(knowledge)
    found = {topic: {source: dataclasses.asdict(count) for source, count in sources.items()}
             for topic, sources in counts(domain).items()}
    if json_output:
        print(json.dumps(found))
        return 0
    print(f"{domain.name}: {len(domain.passages)} passages, hash {domain.hash}")
    width = max(map(len, found)) + 2
    for topic, sources in found.items():
        print(f"{topic:{width}}" + "   ".join(f"{source}: {n['passages']} passages, {n['questions']} questions"
                                              for source, n in sources.items()))
    return 0
