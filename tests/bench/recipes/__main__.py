"""`python -m tests.bench.recipes [NAME...] --seeds 1 2 3`: train by named recipes, examine, print one table.

Results are kept as JSON lines, so that an interrupted run goes on with what is missing; a training that was killed
resumes from its last checkpoint. Seconds depend on who else uses the machine: compare recipes by tokens.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from pathlib import Path

from runner import hardware
from runner.judge.ragas_metrics import RagasJudge
from runner.student.local_student import LocalStudent
from store.paths import default_paths
from store.presets import preset
from tests.bench.recipes.facts import HELD_OUT, RESERVED, TAUGHT, WORDINGS, held_out, taught
from tests.bench.recipes.goals import UNTRAINED, goals_table
from tests.bench.recipes.measure import measure, replay_examples
from tests.bench.recipes.recipe_table import RECIPES
from tests.bench.recipes.results_table import Result, as_table, keep, read_results


def main(arguments: list[str]) -> int:
    """Run the recipes that are named, or all; print the table of all results kept."""
    given = _parser().parse_args(arguments)
    if unknown := [name for name in given.names if name not in RECIPES]:
        print(f"no recipe {', '.join(unknown)}: use {', '.join(RECIPES)}", file=sys.stderr)
        return 2
    names = given.names or list(RECIPES)
    done = {(one.recipe, one.seed) for one in _results(given)}
    wanted = [(name, seed) for seed in given.seeds for name in names
              if (name, seed) not in done and (RECIPES[name].shares or seed == given.seeds[0])]
    if wanted and not given.table:
        _run(wanted, given)
    results = _results(given)
    print(goals_table(results, [name for name in names if name not in (UNTRAINED, given.placebo)], given.placebo)
          if given.goals else as_table(results, names))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.recipes", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"any of {', '.join(RECIPES)}; all by default")
    parser.add_argument("--seeds", nargs="+", type=int, default=[1, 2, 3])
    parser.add_argument("--facts", type=int, default=TAUGHT, help="taught facts")
    parser.add_argument("--held-out", type=int, default=HELD_OUT, help="facts that are never taught")
    parser.add_argument("--wordings", choices=tuple(WORDINGS), default=RESERVED,
                        help="what the exam asks: " + "; ".join(f"{name}: {text}" for name, text in WORDINGS.items()))
    parser.add_argument("--results", type=Path, default=Path(default_paths().data) / "bench" / "recipes.jsonl")
    parser.add_argument("--goals", action="store_true", help="print what each recipe reached on each goal instead")
    parser.add_argument("--placebo", default="default, placebo", metavar="NAME",
                        help="the recipe that stands for style alone among the goals")
    parser.add_argument("--table", action="store_true", help="only print the table of what is kept")
    return parser


def _results(given: argparse.Namespace) -> list[Result]:
    return [one for one in read_results(given.results)
            if (one.facts, one.wordings) == (given.facts, given.wordings)]


def _run(wanted: list[tuple[str, int]], given: argparse.Namespace) -> None:
    hardware.configure_native_libraries()
    student = LocalStudent.open(preset("embedded"), default_paths().models)
    judge = RagasJudge()
    general = replay_examples(student) if any(RECIPES[name].general for name, _ in wanted) else ()
    for name, seed in wanted:
        folder = (given.results.parent / "recipes"
                  / f"{name.replace(' ', '-')}-{seed}-{given.facts}-{given.wordings}")
        result = measure(student, judge, name, RECIPES[name], seed, taught(given.facts, given.wordings),
                         held_out(given.held_out, given.wordings), general, folder, given.wordings)
        keep(given.results, result)
        shutil.rmtree(folder, ignore_errors=True)
        print(as_table(_results(given), [name]), flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
