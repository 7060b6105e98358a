"""`export`: write a fine-tuned student to a folder, with a model card."""

from __future__ import annotations

import argparse
from pathlib import Path

from runner.errors import UserError
from runner.export.cycle_choice import refuse_choice_by_test
from runner.export.errors import CannotExport
from runner.export.student_export import FORMS, QUANTIZATIONS
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
                             "llama.cpp and Ollama")
    parser.add_argument("--quantization", choices=QUANTIZATIONS, help="weights of --form gguf "
                        f"(default: {QUANTIZATIONS[0]})")
    parser.add_argument("--converter", metavar="FILE", help="llama.cpp's convert_hf_to_gguf.py, for --form gguf of "
                        "models that are neither Llama- nor Phi-shaped")
    parser.add_argument("--push-to-hub", metavar="NAME", help="upload the export with its card to this new or empty "
                        "repository of the Hugging Face Hub, private; HF_TOKEN must be allowed to write")
    parser.add_argument("--public", action="store_true", help="with --push-to-hub: everybody may read it")


def run(args: argparse.Namespace) -> int:
    """Write the folder, and print what it contains."""
    from runner.export import student_export
    from runner.student.errors import StudentError
    from runner.student.models.hub_upload import CannotPush, push

    if args.form != "gguf" and (args.quantization or args.converter):
        raise UserError("--quantization and --converter are for --form gguf")
    if args.quantization and args.converter:
        raise UserError("--converter decides the weights' type itself: leave --quantization out")
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
        gguf = student_export.Gguf(args.quantization or QUANTIZATIONS[0],
                                   Path(args.converter).expanduser() if args.converter else None)
        done = student_export.export(store, paths, args.run, cycle.cycle, to, args.form, gguf)
        print(f"{done.folder}: cycle {cycle.cycle}, {done.precision}", flush=True)
        if done.warning:
            print(done.warning)
        if args.push_to_hub:
            print(push(done.folder, args.push_to_hub, not args.public, f"Cycle {cycle.cycle} of run {args.run}"))
    except (CannotExport, CannotPush, StudentError, OSError) as error:
        raise UserError(str(error)) from error
    return 0
