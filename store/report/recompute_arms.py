"""Recompute an evidence pack's numbers on control arms: comparisons, gaps, replacement, parts of the gain."""

from __future__ import annotations

import dataclasses

from store.control_arms import RETRIEVAL, TEACHER, TUNED_RETRIEVAL
from store.metrics import METRICS
from store.report.pack_differences import Differences, Row
from store.report.pack_scores import PackScores, change_in
from store.run_config import TAUGHT
from store.statistics import by_fact, gain_shares, gap_closed, holm_adjusted_verdicts, non_inferiority

_READING = (TUNED_RETRIEVAL, RETRIEVAL)
_OWN_VERDICT = (("tuned", "baseline"), _READING)
"""(arm, against) whose verdicts are not corrected for the number of comparisons."""


def compare_control_arms(pack: Row, scores: PackScores, differences: Differences) -> None:
    """Compare everything that the pack says of control arms with what its rows give."""
    _compare_arms(pack, scores, differences)
    _compare_gaps(pack, scores, differences)
    _compare_replacements(pack, scores, differences)
    _compare_shares(pack, scores, differences)


def _compare_arms(pack: Row, scores: PackScores, differences: Differences) -> None:
    """Recompute the comparisons, with Holm's correction over all but those with a verdict of their own."""
    asked = scores.test(pack["run"]["config"]["headline_tier"])
    for metric in dict.fromkeys(row["metric"] for row in pack["arms"]):
        rows = {(row["arm"], row["against"]): row for row in pack["arms"] if row["metric"] == metric}
        families = [[pair] for pair in rows if pair in _OWN_VERDICT]
        families += [[pair for pair in rows if pair not in _OWN_VERDICT]]
        for family in families:
            found = {pair: change_in(scores, rows[pair]["cycle"], metric,
                                   scores.reading() if pair == _READING else asked, *pair) for pair in family}
            verdicts = holm_adjusted_verdicts({" ".join(pair): change for pair, change in found.items()},
                                              METRICS[metric].better, scores.margin(metric))
            for pair, change in found.items():
                stored = rows[pair]
                values = {name: value for name, value in dataclasses.asdict(change).items() if name in stored}
                differences.compare(f"arm {pair[0]} against {pair[1]} by {metric}", stored, values | {
                    "before": change.baseline, "after": change.tuned, "verdict": verdicts[" ".join(pair)].verdict})


def _compare_replacements(pack: Row, scores: PackScores, differences: Differences) -> None:
    """Recompute whether each student may replace the teacher, by the metric that the pack names."""
    asked = scores.test(pack["run"]["config"]["headline_tier"])
    for row in pack["replacements"]:
        metric = row["metric"]
        student, teacher = (scores.of(arm, row["cycle"], metric, asked) for arm in (row["arm"], TEACHER))
        found = non_inferiority(student, teacher, [one["passage_id"] for one in asked],
                                scores.margin(metric) or 0.0, METRICS[metric].better, len(pack["replacements"]))
        differences.compare(f"replacement by {row['arm']}", row, dataclasses.asdict(found) | {
            "margin": scores.margin(metric)})


def _compare_shares(pack: Row, scores: PackScores, differences: Differences) -> None:
    """Recompute the parts of the gain, by the metrics that the pack names."""
    asked = scores.test(TAUGHT)
    for metric in dict.fromkeys(row["metric"] for row in pack["shares"]):
        rows = {row["part"]: row for row in pack["shares"] if row["metric"] == metric}
        cycle = next(iter(rows.values()))["cycle"]
        practice = [row for row in scores.all(cycle) if row["tier"] == "practice"]
        tested = {row["passage_id"] for row in asked}
        facts = [passage for passage in dict.fromkeys(row["passage_id"] for row in practice) if passage in tested]
        by_arm = {"untrained": ("baseline", asked), "placebo": ("placebo", asked), "tuned": ("tuned", asked),
                  "untrained_practice": ("baseline", practice), "tuned_practice": ("tuned", practice)}
        found = gain_shares(by_fact({name: scores.by_passage(arm, cycle, metric, questions)
                                     for name, (arm, questions) in by_arm.items()}, facts), METRICS[metric].better)
        for part in found:
            differences.compare(f"{part.part} of the gain by {metric}", rows.get(part.part, {}),
                                dataclasses.asdict(part))


def _compare_gaps(pack: Row, scores: PackScores, differences: Differences) -> None:
    asked = scores.test(pack["run"]["config"]["headline_tier"])
    for row in pack["gaps"]:
        before, after, ceiling = (scores.of(arm, row["cycle"], row["metric"], asked)
                                  for arm in ("baseline", "tuned", "teacher"))
        found = gap_closed(before, after, ceiling, [one["passage_id"] for one in asked], METRICS[row["metric"]].better)
        differences.compare(f"gap to the teacher by {row['metric']}", row, dataclasses.asdict(found))
