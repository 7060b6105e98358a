"""`serve-model`: a tuned student behind an OpenAI-compatible endpoint on this machine, until Ctrl-C."""

from __future__ import annotations

import argparse
import json
import os
import signal
import threading
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

from runner.errors import UserError
from runner.hardware import configure_native_libraries
from store.database import Store, open_for_reading
from store.paths import Paths, default_paths
from store.program_name import NAME
from store.queries import Run

if TYPE_CHECKING:
    from runner.student.chat_endpoint import Prompt

KEY_VARIABLE = "SERVE_MODEL_KEY"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The student, and the address at which it is served."""
    from runner.export.chat_server import LOOPBACK

    parser.add_argument("run", help="a run's id, as `status` shows it")
    parser.add_argument("--without-dev", action="store_true", help="take --cycle K of a run without development "
                        "questions although it is not the last; the model card says so")
    parser.add_argument("--cycle", type=int, metavar="K",
                        help="serve this cycle's student (default: the one that export takes)")
    parser.add_argument("--artefact", "--artifact", metavar="DIR", dest="export",
                        help="serve this merged model folder; or this GGUF file by llama.cpp, or this folder of "
                             "OpenVINO or compressed tensors, where `make verify-engines` installed what they need "
                             "(default: a merged folder is exported to data/exports, and kept)")
    parser.add_argument("--with-retrieval", action="store_true", help="put the run's best passages before each "
                        "question, as its arm 'tuned+retrieval' had them")
    parser.add_argument("--host", default=LOOPBACK[0], help="address to listen at (default: %(default)s, this machine "
                        "only); any other one asks for a key")
    parser.add_argument("--port", type=int, default=8000, help="port to listen at; 0 takes a free one "
                        "(default: %(default)s)")
    parser.add_argument("--key", default=os.environ.get(KEY_VARIABLE, ""),
                        help=f"API key that callers must send; or set {KEY_VARIABLE}")


def run(args: argparse.Namespace) -> int:
    """Export the student if needed, serve it, and print how it is asked."""
    configure_native_libraries()
    from runner.export.chat_server import LOOPBACK, base_url, bound_socket, serve
    from runner.export.errors import CannotExport
    from runner.export.engine_model import opened_folder
    from runner.export.served_models import ServedModel, announced
    from runner.student.errors import StudentError
    from runner.student.exported_model import CannotAnswer

    if args.host not in LOOPBACK and not args.key:
        raise UserError(f"{args.host} can be reached from other machines: set a key with --key or {KEY_VARIABLE}, or "
                        f"serve at {LOOPBACK[0]}")
    signal.signal(signal.SIGTERM, _interrupt)
    paths = default_paths()
    store = open_for_reading(paths.store_url)
    try:
        if args.export and (file := _gguf_file(args.export)):
            _serve_gguf(store, paths, args, file)
            return 0
        with bound_socket(args.host, args.port) as bound:
            folder, name, of_run = _student(store, paths, args)
            from runner.student.chat_endpoint import chat_endpoint  # late: imports torch

            prompt, url = _retrieval(of_run, paths) if args.with_retrieval else None, base_url(args.host, bound)
            with opened_folder(folder) as exported:
                app = chat_endpoint(exported, name, args.key, prompt)
                with announced(paths, ServedModel(f"{url}/v1", name, args.key)):
                    serve(app, bound, url, lambda: _say(how_to_ask(url, name, args.key)))
    except KeyboardInterrupt:
        print("\nstopped")
    except (CannotAnswer, CannotExport, StudentError) as error:
        raise UserError(str(error)) from error
    return 0


def _gguf_file(name: str) -> Path | None:
    """The GGUF file of an artefact that is named by itself or by its folder; None if it has none."""
    path = Path(name).expanduser().absolute()
    found = [path] if path.suffix == ".gguf" and path.is_file() else sorted(path.glob("*.gguf"))
    return found[0] if len(found) == 1 else None


def _serve_gguf(store: Store, paths: Paths, args: argparse.Namespace, file: Path) -> None:
    """Serve a GGUF file by llama.cpp's own server until Ctrl-C."""
    from runner.export.chat_server import bound_socket
    from runner.export.cycle_choice import refuse_choice_by_test
    from runner.export.llama_cpp_server import llama_cpp_server
    from runner.export.served_models import ServedModel, announced, model_name
    from runner.export.student_export import tuned_cycle

    if args.with_retrieval:
        raise UserError("llama.cpp serves a GGUF file as it is: leave --with-retrieval out, or serve the merged folder")
    refuse_choice_by_test(store, args.run, args.cycle, args.without_dev)
    of_run, cycle, _ = tuned_cycle(store, paths, args.run, args.cycle)
    bound_socket(args.host, args.port).close()  # says so if it is taken
    name = model_name(of_run.id, cycle.cycle)
    with llama_cpp_server(file, name, args.host, args.port, args.key) as (url, engine):
        print(f"{engine} serves {file}; whether it is what was measured: {NAME} verify {of_run.id} "
              f"--artefact {file} --engine llama.cpp")
        _say(how_to_ask(url.removesuffix("/v1"), name, args.key))
        with announced(paths, ServedModel(url, name, args.key)):
            threading.Event().wait()


def _student(store: Store, paths: Paths, args: argparse.Namespace) -> tuple[Path, str, Run]:
    """The folder that is served, its model's name, and its run."""
    from runner.export.cycle_choice import refuse_choice_by_test
    from runner.export.served_models import model_name
    from runner.export.student_export import kept_export, tuned_cycle

    refuse_choice_by_test(store, args.run, args.cycle, args.without_dev)
    of_run, cycle, _ = tuned_cycle(store, paths, args.run, args.cycle)
    name = model_name(of_run.id, cycle.cycle)
    if not args.export:
        return kept_export(store, paths, of_run.id, cycle, lambda line: print(line, flush=True)), name, of_run
    folder = Path(args.export).expanduser().absolute()
    if not (folder / "config.json").is_file():
        raise UserError(f"{args.export} is no model folder: it has no config.json and no GGUF file; export the student "
                        "with --form merged or gguf, or leave --artefact out")
    print(f"whether {args.export} is what was measured: {NAME} verify {of_run.id} --artefact {args.export}")
    return folder, name, of_run


def _retrieval(of_run: Run, paths: Paths) -> Prompt:
    """What puts the run's passages before a question."""
    from runner.export.retrieval_prompts import retrieval_prompts  # late: imports torch

    prompts = retrieval_prompts(of_run, paths)
    print(f"the best of {len(prompts)} passages of {prompts.domain} are put before each question", flush=True)
    return prompts.prompt


def how_to_ask(url: str, name: str, key: str) -> list[str]:
    """The address, the model's name and a line to try it."""
    body = json.dumps({"model": name, "messages": [{"role": "user", "content": "What is a Pod?"}],
                       "temperature": 0, "max_tokens": 96})
    header = "-H 'Authorization: Bearer KEY' " if key else ""
    return [f"base URL   {url}/v1", f"model      {name}", f"key        {'as you set it' if key else 'none'}",
            f"try it     curl {url}/v1/chat/completions {header}-H 'Content-Type: application/json' -d '{body}'",
            "Ctrl-C ends it."]


def _say(lines: list[str]) -> None:
    print("\n".join(lines), flush=True)


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt
