"""`export`: a tuned student to take away."""

from __future__ import annotations

import argparse
from pathlib import Path

from runner.commands.bad_input import BadInput
from runner.export import FORMS, CannotExport
from store.database import open_for_reading
from store.locations import locations


def options(one: argparse.ArgumentParser) -> None:
    """Which student, in which form, where to."""
    one.add_argument("run", help="a run's id, as `status` shows it")
    one.add_argument("--cycle", type=int, metavar="K", help="whose adapter (default: the best by held-out score)")
    one.add_argument("--to", metavar="DIR", help="a new folder (default: data/exports/RUN-cycle-K-FORM)")
    one.add_argument("--form", choices=FORMS, default="merged",
                     help="merged: a plain model folder; adapter: LoRA alone; gguf: needs --converter")
    one.add_argument("--converter", metavar="FILE", help="llama.cpp's convert_hf_to_gguf.py, for --form gguf")


def carry_out(options: argparse.Namespace) -> int:
    """Write the folder, and say what it holds."""
    from runner import export
    from runner.student.errors import StudentError

    places = locations()
    store = open_for_reading(places.store_url)
    try:
        _, cycle, _ = export.tuned_cycle(store, places, options.run, options.cycle)
        to = Path(options.to).expanduser().absolute() if options.to else \
            places.exports / f"{options.run}-cycle-{cycle.cycle}-{options.form}"
        converter = Path(options.converter).expanduser() if options.converter else None
        done = export.export(store, places, options.run, cycle.cycle, to, options.form, converter)
    except (CannotExport, StudentError, OSError) as error:
        raise BadInput(str(error)) from error
    print(f"{done.folder}: cycle {cycle.cycle}, {done.held}")
    if done.warning:
        print(done.warning)
    return 0
