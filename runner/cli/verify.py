"""`verify`: let an exported or served student answer the run's locked test, and compare it with what was measured."""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from runner.cli.judge import stored_run, writable_store
from runner.errors import UserError
from runner.llm.errors import TeacherError
from runner.llm.redaction import redact_url
from store import formatting, queries
from store.analysis.export_verdict import DIFFERENT, INCONCLUSIVE, SAME
from store.database import Store
from store.events import ExportVerified
from store.metrics import METRICS
from store.paths import Paths, default_paths

if TYPE_CHECKING:
    from runner.export.export_facts import ExportFact
    from runner.export.inference_engines import Engine
    from runner.export.verification import Exported

BY_TRANSFORMERS, BY_LLAMA_CPP = "transformers", "llama.cpp"
EXIT_CODES = {SAME: 0, DIFFERENT: 1, INCONCLUSIVE: 2}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The run, and where the exported student is."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = """\
  python -m runner export RUN --to exported && python -m runner verify RUN --artefact exported
  python -m runner verify RUN --artefact http://localhost:8000/v1 --model exported

exit codes: 0 same as measured; 1 different; 2 inconclusive, or invalid input."""
    parser.add_argument("run", help="a run's id, as `status` shows it")
    parser.add_argument("--artefact", "--artifact", required=True, metavar="DIR|URL", dest="export",
                        help="a merged model folder or one with a GGUF file, answered by plain transformers; an "
                             "OpenVINO folder; or the base URL of an OpenAI-compatible server")
    parser.add_argument("--engine", choices=(BY_TRANSFORMERS, BY_LLAMA_CPP), default=BY_TRANSFORMERS,
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
    from runner.export.errors import CannotExport
    from runner.export.verification import CannotVerify
    from runner.student.errors import StudentError
    from runner.student.exported_model import CannotAnswer

    paths = default_paths()
    store = writable_store(paths.store_url)
    of_run = stored_run(store, args.run, "verify an export of it")
    try:
        return _verify(store, paths, of_run, args, notes)
    except (CannotAnswer, CannotVerify, CannotExport, StudentError, TeacherError) as error:
        raise UserError(str(error)) from error


def _verify(store: Store, paths: Paths, of_run: queries.Run, args: argparse.Namespace,
            notes: TextIO) -> ExportVerified:
    from runner.export.student_export import tuned_cycle
    from runner.export.verification import recorded_test, verify
    from runner.judge import open_judge

    _, cycle, _ = tuned_cycle(store, paths, of_run.id, args.cycle)
    test = recorded_test(store, of_run, cycle.cycle)
    with _opened(args, of_run, paths) as (export, engine, facts):
        print(f"{engine.name} answers {len(test.items)} questions of run {of_run.id}, cycle {cycle.cycle}", file=notes,
              flush=True)
        return verify(store, test, export, engine, open_judge(), facts,
                      lambda line: print(line, file=notes, flush=True))


@contextlib.contextmanager
def _opened(args: argparse.Namespace, of_run: queries.Run,
            paths: Paths) -> Iterator[tuple[Exported, Engine, list[ExportFact]]]:
    """Open what answers; with what is verified, and what it says of itself that differs from the record."""
    from runner.export.export_facts import facts_of_folder
    from runner.export.inference_engines import ChatServer
    from runner.export.llama_cpp_server import llama_cpp_server
    from runner.export.openvino_model import WEIGHTS, openvino_model
    from runner.export.verification import Exported
    from runner.student.exported_model import ExportedModel, weight_files

    if args.engine == BY_LLAMA_CPP:
        (file,) = weight_files(_folder(args.export, "gguf"))
        with llama_cpp_server(file, file.parent.name) as (url, engine):
            server = ChatServer(url)
            server.name = engine
            yield Exported(str(file.parent), file.stat().st_size), server, []
    elif "://" in args.export:
        yield Exported(redact_url(args.export)), ChatServer(args.export, args.model), []
    else:
        folder = _folder(args.export)
        with contextlib.ExitStack() as stack:
            model = stack.enter_context(openvino_model(folder)) if (folder / WEIGHTS).is_file() else \
                ExportedModel(folder)
            yield Exported(str(folder), model.size_bytes), model, facts_of_folder(model, of_run, paths.models)


def _folder(name: str, form: str = "merged or gguf") -> Path:
    """The folder of an artefact that is named by itself or by its GGUF file.

    Raises:
        UserError: there is no such folder; or there must be a GGUF file, and there is none.
    """
    path = Path(name).expanduser().absolute()
    folder = path.parent if path.suffix == ".gguf" and path.is_file() else path
    if not folder.is_dir() or (form == "gguf" and len(list(folder.glob("*.gguf"))) != 1):
        raise UserError(f"{name} is no model folder{' with one GGUF file' if form == 'gguf' else ''}: export the "
                        f"student with --form {form}, or give the address of the server that serves it")
    return folder


def as_lines(found: ExportVerified) -> list[str]:
    """The outcome for people: each metric as recorded and as exported, then the sentence."""
    lines = ["", f"{'metric':22} {'recorded':>8} {'exported':>8} {'change':>7}  {'95% interval':18} {'margin':>6}"]
    for change in found.changes:
        lines.append(f"{change.metric:22} {formatting.number(change.recorded, 3):>8} "
                     f"{formatting.number(change.exported, 3):>8} {formatting.change(change.change, 3):>7}  "
                     f"{formatting.interval(change.low, change.high):18} {METRICS[change.metric].margin:>6g}")
    return [*lines, "", found.sentence]
