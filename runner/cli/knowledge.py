"""`knowledge`: list the topics of the documents with their passages and questions; report what was read of a folder."""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from knowledge.documents import IngestResult, NoSuchFolder, NothingReadable, read_folder
from knowledge.domain import Domain, counts, domain_of
from knowledge.kubernetes.topics import BUILT_IN
from knowledge.loader import name_of, open_knowledge
from knowledge.sources import NoSuchDocuments, folder_of, parse_address, pin
from runner.cli.documents_notes import compared_with_earlier
from runner.cli.reading_progress import show_reading
from runner.errors import UserError
from store.analysis.documents_notes import count_documents, language_note
from store.database import StoreNotFound, open_for_reading
from store.files import write_atomic
from store.formatting import plural
from store.paths import default_paths
from store.report.reading_html import reading_html
from store.report.reading_report import ReadingReport, reading_json, reading_report
from store.run_config import OFFLINE_TEACHER, RunConfig

REPORTS: dict[str, Callable[[ReadingReport], str]] = {".html": reading_html, ".json": reading_json}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The documents, and the output format."""
    parser.add_argument("--json", action="store_true", help="print one JSON object: topic -> source -> counts; of a "
                        "folder also left_out, remarks and sentences_left_out")
    parser.add_argument("--knowledge", default=BUILT_IN, metavar="DIR",
                        help="a folder of documents, a git repository (git+https://HOST/REPO.git@REF#subdirectory=DIR) "
                             "or an archive (.zip, .tar.gz ...) instead of the built-in domain")
    parser.add_argument("--report", type=Path, action="append", default=[], metavar="FILE",
                        help="write what was read of the folder and what was left out, with reasons and examples: "
                             "FILE.html, one offline page, or FILE.json (repeatable)")


def run(args: argparse.Namespace) -> int:
    """Print the topics with their passages and questions."""
    _check_reports(args.report, args.knowledge)
    try:
        return show_knowledge(args.json, args.knowledge, args.report)
    except (NoSuchFolder, NothingReadable, NoSuchDocuments) as error:
        raise UserError(str(error)) from error


def show_knowledge(json_output: bool, knowledge: str, reports: Sequence[Path] = ()) -> int:
    """Print per topic the number of passages and questions from each source; of a folder also what was left out.

    Args:
        json_output: whether to print one JSON object.
        knowledge: the built-in domain or a folder.
        reports: files to write the folder's reading report to.
    """
    reading, fetched = None, default_paths().documents
    if knowledge != BUILT_IN:
        knowledge = pin(knowledge, fetched, lambda line: print(line, file=sys.stderr, flush=True))
        reading = read_folder(folder_of(knowledge, fetched), name_of(knowledge), show_reading(), knowledge)
    domain = open_knowledge(knowledge) if reading is None else \
        domain_of(name_of(knowledge), reading.passages, reading.topic_names)
    found: dict[str, Any] = {topic: {source: dataclasses.asdict(count) for source, count in sources.items()}
             for topic, sources in counts(domain).items()}
    if reading and reports:
        _write_reports(reports, reading_report(reading, domain, knowledge))
    if json_output:
        print(json.dumps(found | (_left_out(reading) if reading else {})))
        return 0
    print(f"{domain.name}: {plural(len(domain.passages), 'passage')}, hash {domain.hash}")
    if reading and parse_address(knowledge):
        print(f"address of this state: {knowledge}")
    width = max(map(len, found)) + 2
    for topic, sources in found.items():
        print(f"{topic:{width}}" + "   ".join(f"{source}: {plural(n['passages'], 'passage')}, "
                                              f"{plural(n['questions'], 'question')}" for source, n in sources.items()))
    if reading:
        language = language_note(OFFLINE_TEACHER, count_documents(domain))
        print(*_changes(domain, knowledge), *([language] if language else []), *left_out_lines(reading),
              *(f"written: {file}" for file in reports), sep="\n")
    return 0


def _changes(domain: Domain, knowledge: str) -> list[str]:
    """What changed since an earlier run on these documents; nothing where there is no store."""
    try:
        store = open_for_reading(default_paths().store_url)
    except StoreNotFound:
        return []
    return compared_with_earlier(domain, RunConfig(knowledge=knowledge, topics=()), store)[1]


def _check_reports(reports: Sequence[Path], knowledge: str) -> None:
    """Refuse reports that could not be written, before anything is read.

    Raises:
        UserError: with the file and the way out.
    """
    for file in reports:
        if knowledge == BUILT_IN:
            raise UserError(f"--report {file}: it describes a folder of documents: name one with --knowledge DIR")
        if file.suffix.lower() not in REPORTS:
            raise UserError(f"--report {file}: the suffix determines the format: use {', '.join(REPORTS)}")
        if not file.expanduser().absolute().parent.is_dir():
            raise UserError(f"--report {file}: folder {file.expanduser().absolute().parent} does not exist")


def _write_reports(reports: Sequence[Path], report: ReadingReport) -> None:
    for file in reports:
        try:
            write_atomic(file.expanduser().absolute(), REPORTS[file.suffix.lower()](report).encode())
        except OSError as error:
            raise UserError(f"--report {file} cannot be written: {error.strerror}") from error


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
    if reading.passed_over:
        lines.append(f"passages left out: {reading.passed_over:,}, because a run can use no more than "
                     f"{len(reading.passages):,}; their hashes decide which")
    return [*lines, f"sentences left out: {count}" + (f" ({rules})" if rules else "")]
