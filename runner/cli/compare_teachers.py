"""`compare-teachers`: what a change of teacher costs, by another one's references to a stored run's questions."""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
from collections import Counter
from collections.abc import Sequence

from runner.cli.judge import stored_run, writable_store
from store import formatting, queries
from store.costs.model_shutdowns import shutdown_notes
from store.database import Store
from store.events import AgreementRecord, RescoredRecord, TeachersCompared
from store.metrics import ANSWER_METRICS, METRICS
from store.paths import default_paths
from store.run_config import EFFORTS

_NOT_HAD = ("Scores by the student's own likelihood (choice_accuracy, reference_nll) cannot be had from stored "
            "answers: they need the student, and a new run. Nor is it known what training on these references would "
            "have taught.")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The run, the other teacher and its bounds."""
    parser.add_argument("run", help="a run's id, as `status` shows it")
    parser.add_argument("--teacher", required=True, metavar="NAME", help="name of the other teacher")
    parser.add_argument("--teacher-base-url", metavar="URL", help="base URL of its OpenAI-compatible endpoint")
    parser.add_argument("--teacher-effort", default="auto", metavar="NAME",
                        help=f"its reasoning effort: {', '.join(EFFORTS)} (default: auto)")
    parser.add_argument("--max-cost-usd", type=float, metavar="USD", help="the most that its calls may cost")
    parser.add_argument("--estimate", action="store_true", help="only print the estimated cost")
    parser.add_argument("--json", action="store_true", help="print the result as one JSON object, last")


def run(args: argparse.Namespace) -> int:
    """Validate the request, print the estimated cost, have the references written, and print what differs.

    Exit code 1: the other teacher wrote no usable reference.
    """
    from runner.pipeline.compare_teachers import compare_teachers, parse_request

    store = writable_store(default_paths().store_url)
    of_run = stored_run(store, args.run, "compare its teacher")
    request = parse_request(store, of_run, args.teacher, args.teacher_base_url, args.teacher_effort, args.max_cost_usd)
    notes = sys.stderr if args.json else sys.stdout
    for sentence in shutdown_notes(request.config):
        print(f"Note: {sentence}.", file=notes)
    if estimated := request.estimate():
        print(estimated.sentence(), file=notes, flush=True)
    if args.estimate:
        return 0
    found = compare_teachers(store, request, lambda line: print(line, file=notes, flush=True))
    print(json.dumps(as_json(store, of_run, found)) if args.json else "\n".join(as_lines(store, of_run, found)))
    return 0 if any(reference.text for reference in found.references) else 1


def as_json(store: Store, of_run: queries.Run, found: TeachersCompared) -> dict[str, object]:
    """The comparison as one JSON object; the run's own changes stand beside the new ones."""
    return {"run": of_run.id, "own_verdict": of_run.verdict, "headline": of_run.config.headline, "not_had": _NOT_HAD,
            **{key: value for key, value in dataclasses.asdict(found).items() if key != "changes"},
            "missing": dict(_missing(found)),
            "changes": [dataclasses.asdict(after) | {"own": dataclasses.asdict(before) if before else None}
                        for before, after in _beside(store, of_run, found.changes)]}


def as_lines(store: Store, of_run: queries.Run, found: TeachersCompared) -> list[str]:
    """The comparison for people: agreement, missing references, changed verdicts, and what cannot be said."""
    missing = _missing(found)
    lines = ["", f"{found.teacher}, compared with {found.of}, on the {len(found.references)} questions of {of_run.id}",
             f"{sum(missing.values())} of {len(found.references)} references are missing",
             *(f"  {count}: {reason}" for reason, count in missing.most_common()), "",
             "its references against the run's own (1: the same)",
             f"{'tier':10} {'metric':19} {'mean':>7}  {'95% interval':18} {'n':>7}", *map(_agreement, found.agreement)]
    rows = _beside(store, of_run, found.changes)
    lines += ["", "the stored answers scored against its references, and against the run's own",
              f"{'cycle':5} {'tier':10} {'metric':19} {'its change':>10}  {'95% interval':18} {'own change':>10}  "
              "verdict"]
    lines += [_change(before, after) for before, after in rows]
    changed = sum(before is not None and before.verdict != after.verdict for before, after in rows)
    cost = "" if not found.calls else (f"{found.calls:,} calls, {found.tokens:,} tokens, "
                                       f"{formatting.money(found.cost_usd)}. ")
    return [*lines, "", f"{changed} of {len(rows)} verdicts differ. {_headline(of_run, rows)}", _NOT_HAD,
            f"{cost}The run's own references, scores and verdict stay as they are."]


def _missing(found: TeachersCompared) -> Counter[str]:
    return Counter(reference.missing or "" for reference in found.references if reference.text is None)


def _beside(store: Store, of_run: queries.Run,
            changes: Sequence[RescoredRecord]) -> list[tuple[queries.ChangeRow | None, RescoredRecord]]:
    own = {(row.cycle, row.tier, row.metric): row for row in queries.changes_of(store, of_run.id) if not row.topic}
    return [(own.get((after.cycle, after.tier, after.metric)), after) for after in changes]


def _headline(of_run: queries.Run, rows: Sequence[tuple[queries.ChangeRow | None, RescoredRecord]]) -> str:
    """What becomes of the run's verdict: that of its headline metric on the test, in the last cycle."""
    metric = of_run.config.headline
    verdict = of_run.verdict or "none"
    if metric not in ANSWER_METRICS:
        return f"The run's verdict ({verdict}) rests on {metric}, which is not scored again here."
    last = [after for _, after in rows if (after.tier, after.metric) == ("held-out", metric)]
    now = last[-1].verdict if last else "not measured"
    return f"The run's verdict by {metric} is {verdict}; against these references it would be {now}."


def _agreement(row: AgreementRecord) -> str:
    return (f"{row.tier:10} {METRICS[row.metric].name:19} {formatting.number(row.mean, 3):>7}  "
            f"{formatting.interval(row.low, row.high):18} {row.scored:>3}/{row.asked:<3}")


def _change(before: queries.ChangeRow | None, after: RescoredRecord) -> str:
    own = before.verdict if before else "not measured"
    verdict = own if own == after.verdict else f"{own} -> {after.verdict}"
    return (f"{after.cycle:5} {after.tier:10} {METRICS[after.metric].name:19} "
            f"{formatting.change(after.change, 3):>10}  {formatting.interval(after.low, after.high):18} "
            f"{formatting.change(before.change if before else None, 3):>10}  {verdict}")
