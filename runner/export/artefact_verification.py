"""Verify an artefact by its name: open what answers for it, ask it the run's locked test, record what was found."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

from runner import judge
from runner.errors import UserError
from runner.export.errors import CannotExport
from runner.export.export_facts import ExportFact, facts_of_folder
from runner.export.inference_engines import ChatServer, Engine
from runner.export.measured_tokens import MeasuredTokens
from runner.export.llama_cpp_server import llama_cpp_server
from runner.export.engine_model import opened_folder
from runner.export.student_export import tuned_cycle
from runner.export.verification import CannotVerify, Exported, recorded_test, verify
from runner.llm.errors import TeacherError
from runner.llm.redaction import redact_url
from runner.student.errors import StudentError
from runner.student.exported_model import CannotAnswer, weight_files
from store import queries
from store.commands.verifications import BY_LLAMA_CPP, Artefact
from store.database import Store
from store.events import ExportVerified
from store.paths import Paths

ReportProgress = Callable[[str], None]


def verify_artefact(store: Store, paths: Paths, run: queries.Run, cycle: int | None, artefact: Artefact,
                    report: ReportProgress) -> ExportVerified:
    """Ask an artefact the locked test of a run, and record the outcome in the run.

    Args:
        cycle: the exported cycle; None takes the one that export takes.
        report: called with sentences on how far it is.

    Raises:
        UserError: it cannot be asked, or nothing is recorded to compare with; the message says what to do.
    """
    try:
        _, chosen, _ = tuned_cycle(store, paths, run.id, cycle)
        test = recorded_test(store, run, chosen.cycle)
        with _opened(artefact, run, paths) as (export, engine, facts):
            report(f"{engine.name} answers {len(test.items)} questions of run {run.id}, cycle {chosen.cycle}")
            return verify(store, test, export, engine, judge.open_judge(), facts, report)
    except (CannotAnswer, CannotVerify, CannotExport, StudentError, TeacherError) as error:
        raise UserError(str(error)) from error


@contextlib.contextmanager
def _opened(artefact: Artefact, run: queries.Run, paths: Paths) -> Iterator[tuple[Exported, Engine, list[ExportFact]]]:
    """Open what answers; with what is verified, and what it says of itself that differs from the record."""
    if artefact.engine == BY_LLAMA_CPP:
        (file,) = weight_files(_folder(artefact.name, "gguf"))
        with llama_cpp_server(file, file.parent.name) as (url, engine):
            server = ChatServer(url, measured=MeasuredTokens(run, paths.models))
            server.name = engine
            yield Exported(str(file.parent), file.stat().st_size), server, []
    elif artefact.is_server:
        yield Exported(redact_url(artefact.name)), ChatServer(
            artefact.name, artefact.model, measured=MeasuredTokens(run, paths.models)), []
    else:
        folder = _folder(artefact.name)
        with opened_folder(folder) as model:
            yield Exported(str(folder), model.size_bytes), model, facts_of_folder(model, run, paths.models)


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
