"""`verify`: let an exported or served student answer the run's locked test, and compare it with what was measured."""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
from typing import TextIO

from runner.cli.judge import stored_run, writable_store
from runner.hardware import configure_native_libraries
from store import formatting
from store.analysis.export_verdict import DIFFERENT, INCONCLUSIVE, SAME
from store.commands.verifications import BY_TRANSFORMERS, ENGINES, Artefact
from store.events import ExportVerified
from store.metrics import METRICS
from store.paths import default_paths
from store.program_name import NAME

EXIT_CODES = {SAME: 0, DIFFERENT: 1, INCONCLUSIVE: 2}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The run, and where the exported student is."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = f"""\
  {NAME} export RUN --to exported && {NAME} verify RUN --artefact exported
  {NAME} verify RUN --artefact http://localhost:8000/v1 --model exported

exit codes: 0 same as measured; 1 different; 2 inconclusive, or invalid input."""
    parser.add_argument("run", help="a run's id, as `status` shows it")
    parser.add_argument("--artefact", "--artifact", required=True, metavar="DIR|URL", dest="export",
                        help="a merged model folder or one with a GGUF file, answered by plain transformers; a "
                             "folder of OpenVINO or compressed tensors; or the base URL of an OpenAI-compatible "
                             "server")
    parser.add_argument("--engine", choices=ENGINES, default=BY_TRANSFORMERS,
                        help="what answers for a GGUF file: transformers dequantizes it (with likelihoods); "
                             "llama.cpp's own server is started where `make verify-engines` installed it (default: "
                             "%(default)s)")
    parser.add_argument("--model", default="", metavar="NAME",
                        help="name of the model at that server, if it has several")
    parser.add_argument("--cycle", type=int, metavar="K",
                        help="the exported cycle (default: the one that export takes)")
    parser.add_argument("--json", action="store_true", help="print the result as one JSON object, last")


def run(args: argparse.Namespace) -> int:
    """Ask the export the locked test, record the outcome in the run, and print it."""
    found = verified(args, sys.stderr if args.json else sys.stdout)
    if args.json:
        print(json.dumps({"run": args.run, **dataclasses.asdict(found)}))
    else:
        print("\n".join(as_lines(found)))
    return EXIT_CODES[found.outcome]


def verified(args: argparse.Namespace, notes: TextIO) -> ExportVerified:
    """Ask the export the locked test, and record the outcome in the run.

    Args:
        args: `run`, `cycle`, `export`, `engine` and `model` of this command.
        notes: where it says how far it is.

    Raises:
        UserError: it cannot be asked, or nothing is recorded to compare with.
    """
    configure_native_libraries()
    from runner.export.artefact_verification import verify_artefact  # late: imports torch

    paths = default_paths()
    store = writable_store(paths.store_url)
    return verify_artefact(store, paths, stored_run(store, args.run, "verify an export of it"), args.cycle,
                           Artefact(args.export, args.engine, args.model),
                           lambda line: print(line, file=notes, flush=True))


def as_lines(found: ExportVerified) -> list[str]:
    """The outcome for people: each metric as recorded and as exported, then the sentence."""
    lines = ["", f"{'metric':22} {'recorded':>8} {'exported':>8} {'change':>7}  {'95% interval':18} {'margin':>6}"]
    for change in found.changes:
        lines.append(f"{change.metric:22} {formatting.number(change.recorded, 3):>8} "
                     f"{formatting.number(change.exported, 3):>8} {formatting.change(change.change, 3):>7}  "
                     f"{formatting.interval(change.low, change.high):18} {METRICS[change.metric].margin:>6g}")
    return [*lines, "", found.sentence]
