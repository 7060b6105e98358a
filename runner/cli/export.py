"""`export`: write a fine-tuned student to a folder, with a model card."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from runner.errors import UserError
from runner.export.cycle_choice import refuse_choice_by_test
from runner.export.errors import CannotExport
from runner.export.student_export import ENGINES, FORMS, QUANTIZATIONS, Gguf, Quantized
from runner.hardware import configure_native_libraries
from store.commands.verifications import BY_LLAMA_CPP, BY_TRANSFORMERS
from store.database import open_for_reading
from store.paths import default_paths


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The run and cycle, the format and the target folder."""
    parser.add_argument("run", help="a run's id, as `status` shows it")
    parser.add_argument("--without-dev", action="store_true", help="take --cycle K of a run without development "
                        "questions although it is not the last; the model card says so")
    parser.add_argument("--cycle", type=int, metavar="K",
                        help="export this cycle's adapter (default: the last, or the one chosen on development "
                             "questions)")
    parser.add_argument("--to", metavar="DIR", help="a new folder (default: data/exports/RUN-cycle-K-FORM)")
    parser.add_argument("--form", choices=FORMS, default="merged",
                        help="merged: a standard model folder; adapter: LoRA weights only; gguf: one file for "
                             "llama.cpp and Ollama; openvino: for Intel's CPUs and GPUs; compressed: for vLLM on "
                             "GPUs; both where `make verify-engines` installed what writes them")
    parser.add_argument("--quantization", choices=[one for form in QUANTIZATIONS.values() for one in form],
                        help="weights, the default first: " + "; ".join(
                            f"--form {form}: {', '.join(names)}" for form, names in QUANTIZATIONS.items()))
    parser.add_argument("--converter", metavar="FILE", help="llama.cpp's convert_hf_to_gguf.py, for --form gguf of "
                        "models that are neither Llama- nor Phi-shaped")
    parser.add_argument("--verify", action="store_true", help="let the export answer the run's locked test, and record "
                        "what it keeps; a GGUF file by llama.cpp where that is installed. Exit codes as of `verify`")
    parser.add_argument("--push-to-hub", metavar="NAME", help="upload the export with its card to this new or empty "
                        "repository of the Hugging Face Hub, private; HF_TOKEN must be allowed to write")
    parser.add_argument("--public", action="store_true", help="with --push-to-hub: everybody may read it")


def run(args: argparse.Namespace) -> int:
    """Write the folder, and print what it contains."""
    configure_native_libraries()
    from runner.export import student_export
    from runner.student.errors import StudentError
    from runner.student.models.hub_upload import CannotPush, push

    if args.converter and args.form != "gguf":
        raise UserError("--converter is for --form gguf")
    if args.quantization and args.quantization not in (known := QUANTIZATIONS.get(args.form, ())):
        raise UserError(f"--form {args.form} has no --quantization {args.quantization}: "
                        f"{'it has ' + ', '.join(known) if known else 'leave it out'}")
    if args.quantization and args.converter:
        raise UserError("--converter decides the weights' type itself: leave --quantization out")
    if args.verify and args.form == "adapter":
        raise UserError("--verify is for exports that answer by themselves, and an adapter needs its base model: leave "
                        "it out")
    if args.public and not args.push_to_hub:
        raise UserError("--public is for --push-to-hub")
    paths = default_paths()
    store = open_for_reading(paths.store_url)
    try:
        refuse_choice_by_test(store, args.run, args.cycle, args.without_dev)
        _, cycle, _ = student_export.tuned_cycle(store, paths, args.run, args.cycle)
        to = Path(args.to).expanduser().absolute() if args.to else \
            paths.exports / "-".join((args.run, "cycle", str(cycle.cycle), args.form, *(
                [args.quantization] if args.quantization else [])))
        done = student_export.export(store, paths, args.run, cycle.cycle, to, args.form, _how(args))
        print(f"{done.folder}: cycle {cycle.cycle}, {done.precision}", flush=True)
        if done.warning:
            print(done.warning)
        if args.push_to_hub:
            print(push(done.folder, args.push_to_hub, not args.public, f"Cycle {cycle.cycle} of run {args.run}"))
    except (CannotExport, CannotPush, StudentError, OSError) as error:
        raise UserError(str(error)) from error
    return _verified(args, cycle.cycle, done.folder) if args.verify else 0


def _verified(args: argparse.Namespace, cycle: int, folder: Path) -> int:
    """Verify what was exported; return the exit code."""
    from runner.cli import verify
    from runner.export.engine_environments import LLAMA_CPP, is_installed

    by_llama_cpp = args.form == "gguf" and is_installed(LLAMA_CPP)
    found = verify.verified(argparse.Namespace(
        run=args.run, cycle=cycle, export=str(folder), model="",
        engine=BY_LLAMA_CPP if by_llama_cpp else BY_TRANSFORMERS), sys.stdout)
    print("\n".join(verify.as_lines(found)))
    return verify.EXIT_CODES[found.outcome]


def _how(args: argparse.Namespace) -> Gguf | Quantized | None:
    if args.form not in QUANTIZATIONS:
        return None
    quantization = args.quantization or QUANTIZATIONS[args.form][0]
    if args.form in ENGINES:
        return Quantized(ENGINES[args.form], quantization)
    return Gguf(quantization, Path(args.converter).expanduser() if args.converter else None)
