"""`gate`: exit 0, 1 or 2 as a run meets requirements, for continuous integration of models."""

from __future__ import annotations

import argparse
import dataclasses
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

from runner.cli.compare import side_of
from runner.errors import UserError
from store import formatting
from store.analysis.quality_gate import (
    FAILS, FORM, HOLDS, INCONCLUSIVE, UNTRAINED, InvalidRequirement, MeasuredChange, Requirement, outcome_of,
    parse_requirement,
)
from store.analysis.run_comparison import ComparedRun, compare_pairwise
from store.database import Store, open_for_reading
from store.files import write_atomic
from store.metrics import METRICS, NATS
from store.paths import default_paths

EXIT_CODES = {HOLDS: 0, FAILS: 1, INCONCLUSIVE: 2}
_WORST_FIRST = (FAILS, INCONCLUSIVE, HOLDS)


@dataclass(frozen=True)
class Decision:
    """One requirement and whether the run meets it."""

    requirement: str
    outcome: str
    """holds, fails or inconclusive"""
    metric: str
    baseline: float | None
    """The baseline's mean score; None where nothing could be compared."""
    run: float | None
    change: float | None
    low: float | None
    high: float | None
    """Ends of the 95% interval of the change."""
    scored: int
    """Number of questions that both were scored on."""
    reason: str
    """One sentence: the numbers, or why nothing could be compared."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The run, what it must meet, and the files to write."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = f"""\
a requirement: {FORM}
  --require "no worse than untrained by 0.03"       by the run's headline metric and test
  --require "fact_recall better than untrained"
  --require "no worse than 20261101-... by 0.03"    another run's student, on the same test

exit codes: 0 all hold; 1 one fails; 2 none fails and one is inconclusive, or invalid input."""
    parser.add_argument("run", metavar="RUN", help="RUN (its last cycle) or RUN:CYCLE")
    parser.add_argument("--require", action="append", required=True, metavar="TEXT", help="may be repeated")
    parser.add_argument("--junit", type=Path, metavar="FILE", help="write JUnit XML, one test case per requirement")
    parser.add_argument("--markdown", type=Path, metavar="FILE",
                        help="write a table, such as for a job summary or a comment")
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def run(args: argparse.Namespace) -> int:
    """Decide every requirement, print and write the decisions; the exit code is that of the worst."""
    for file in filter(None, (args.junit, args.markdown)):
        if not file.expanduser().absolute().parent.is_dir():
            raise UserError(f"{file} cannot be written: its folder does not exist")
    try:
        requirements = [parse_requirement(text) for text in args.require]
    except InvalidRequirement as error:
        raise UserError(str(error)) from error
    store = open_for_reading(default_paths().store_url)
    judged = side_of(store, args.run)
    decisions = [_decide(store, judged, requirement) for requirement in requirements]
    worst = next(outcome for outcome in _WORST_FIRST if outcome in {found.outcome for found in decisions})
    if args.junit:
        _write(args.junit, as_junit(judged.label, decisions))
    if args.markdown:
        _write(args.markdown, as_markdown(judged.label, worst, decisions))
    if args.json:
        print(json.dumps({"run": judged.run.id, "cycle": judged.cycle, "outcome": worst,
                          "requirements": [dataclasses.asdict(found) for found in decisions]}))
    else:
        print("\n".join(f"{found.outcome:12} {found.requirement}: {found.reason}" for found in decisions))
    return EXIT_CODES[worst]


def _decide(store: Store, judged: ComparedRun, requirement: Requirement) -> Decision:
    metric = requirement.metric or judged.run.config.headline
    if METRICS[metric].unit != NATS and requirement.limit > 1:
        raise UserError(f"requirement {requirement.text!r}: a limit of {requirement.limit:g} is above 1, the most that "
                        f"{metric} can change: use a share such as 0.05")
    if requirement.baseline.lower() == UNTRAINED:
        tier = judged.run.config.headline_tier
        change = next((row for row in judged.changes
                       if (row.tier, row.metric, row.topic) == (tier, metric, "")), None)
        if change is None:
            return _undecided(requirement, metric, f"run {judged.label} has no score by {metric} on its headline test")
        return _decided(requirement, metric, change)
    baseline = side_of(store, requirement.baseline)
    if baseline.label == judged.label:
        raise UserError(f"requirement {requirement.text!r}: {baseline.label} would be compared with itself")
    paired, refused = compare_pairwise(baseline, [judged])
    found = next((row.found for row in paired if row.metric == metric), None)
    if found is None:
        reason = next((row.reason for row in refused if row.metric in ("", metric)), f"neither was scored by {metric}")
        return _undecided(requirement, metric, reason)
    return _decided(requirement, metric, found)


def _decided(requirement: Requirement, metric: str, change: MeasuredChange) -> Decision:
    reason = (f"{formatting.number(change.baseline, 3)} -> {formatting.number(change.tuned, 3)} "
              f"({formatting.change(change.change, 3)}, 95% interval {formatting.interval(change.low, change.high)}, "
              f"{formatting.plural(change.scored, 'question')})")
    return Decision(requirement.text, outcome_of(requirement, change, metric), metric, change.baseline, change.tuned,
                    change.change, change.low, change.high, change.scored, reason)


def _undecided(requirement: Requirement, metric: str, reason: str) -> Decision:
    return Decision(requirement.text, INCONCLUSIVE, metric, None, None, None, None, None, 0, f"not compared: {reason}")


def as_junit(label: str, decisions: Sequence[Decision]) -> str:
    """JUnit XML: a requirement that fails is a failure, an inconclusive one an error."""
    suite = ElementTree.Element(
        "testsuite", name=f"gate {label}", tests=str(len(decisions)),
        failures=str(sum(found.outcome == FAILS for found in decisions)),
        errors=str(sum(found.outcome == INCONCLUSIVE for found in decisions)))
    for found in decisions:
        case = ElementTree.SubElement(suite, "testcase", classname=label, name=found.requirement)
        tag = {FAILS: "failure", INCONCLUSIVE: "error"}.get(found.outcome)
        if tag:
            ElementTree.SubElement(case, tag, message=found.outcome).text = found.reason
    return ElementTree.tostring(suite, encoding="unicode", xml_declaration=True)


def as_markdown(label: str, worst: str, decisions: Sequence[Decision]) -> str:
    """A heading with the outcome, and one table row per requirement."""
    rows = [f"| {_cell(found.requirement)} | {found.metric} | **{found.outcome}** | {_cell(found.reason)} |"
            for found in decisions]
    return "\n".join([f"## {label}: {worst}", "", "| requirement | metric | outcome | figures |",
                      "| --- | --- | --- | --- |", *rows, ""])


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _write(file: Path, text: str) -> None:
    to = file.expanduser().absolute()
    try:
        write_atomic(to, text.encode())
    except OSError as error:
        raise UserError(f"{file} cannot be written: {error.strerror}") from error
