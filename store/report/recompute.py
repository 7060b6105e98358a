"""Recompute every number of an evidence pack from its rows, with the same statistics that a run uses.

What a pack holds no rows for (durations, token usage, intermediate checkpoints, a judge's noise) is not recomputed:
only the pack's hashes and its signature protect it.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from typing import Any

from store.analysis.choice_baselines import baselines_of
from store.analysis.findings import cycles_corrected, memorisation
from store.analysis.gain_forecast import forecast_again
from store.analysis.people_and_judges import compare_with_people, direction_of_change
from store.dev_split import DEV, best_evaluation
from store.events import EvaluationRecord, PilotRecord
from store.metrics import METRICS
from store.queries import ChangeRow
from store.report.pack_differences import Differences, Row, key_in_words
from store.report.pack_scores import PackScores, change_in
from store.report.recompute_arms import compare_control_arms
from store.run_config import from_json
from store.statistics import PairedChange, PastVariance, holm_adjusted_verdicts, power_before, verdict_of

_BEFORE_CROSS_CHECKS = {field.name for field in dataclasses.fields(PairedChange)
                        if field.default is dataclasses.MISSING}
"""Fields that comparisons had from the first; early ones recorded none of the others."""


def recompute(pack: Row) -> Differences:
    """Return what differs between a pack's numbers and those computed from its rows; KeyError if a field is missing."""
    differences = Differences()
    scores = PackScores(pack)
    _compare_changes(pack, scores, differences)
    _compare_verdicts(pack, differences)
    _compare_over_cycles(pack, differences)
    compare_control_arms(pack, scores, differences)
    _compare_audits(pack, differences)
    _compare_baselines(pack, scores, differences)
    _compare_people(pack, scores, differences)
    _compare_forecast(pack, differences)
    _compare_steps(pack, differences)
    variances = [PastVariance(**row) for row in pack["past_variances"]]
    power = power_before(pack["run"]["config"]["headline"], pack["power"]["pairs"], variances)
    differences.compare("power", pack["power"], dataclasses.asdict(power) | {"runs": list(power.runs)})
    return differences


def _compare_changes(pack: Row, scores: PackScores, differences: Differences) -> None:
    cycles = sorted({row["cycle"] for row in pack["changes"]})
    stored = {_place(row): row for row in pack["changes"]}
    computed = {place: row for cycle in cycles for place, row in _changes(scores, cycle)}
    differences.compare_keys("changes", set(stored), set(computed))
    for place, row in computed.items():
        if place in stored:
            differences.compare(f"change of {key_in_words(place)}", stored[place], _as_early(row, stored[place]))


def _changes(scores: PackScores, cycle: int) -> Iterator[tuple[tuple[Any, ...], dict[str, Any]]]:
    """Yield (cycle, tier, metric, topic) and the change of each comparison of a cycle."""
    asked = scores.asked(cycle)
    for tier in dict.fromkeys(row["tier"] for row in asked):
        of_tier = [row for row in asked if row["tier"] == tier]
        for metric in scores.metrics(cycle, of_tier):
            whole = change_in(scores, cycle, metric, of_tier)
            topics = {topic: change_in(scores, cycle, metric, [row for row in of_tier if row["topic"] == topic])
                      for topic in sorted({row["topic"] for row in of_tier})}
            better, margin = METRICS[metric].better, scores.margin(metric)
            corrected = holm_adjusted_verdicts(topics, better, margin)
            yield (cycle, tier, metric, ""), {
                **dataclasses.asdict(whole), "verdict": verdict_of(whole, better, margin), "adjusted_p": None}
            for topic, change in topics.items():
                yield (cycle, tier, metric, topic), {**dataclasses.asdict(change), **dataclasses.asdict(
                    corrected[topic])}


def _compare_verdicts(pack: Row, differences: Differences) -> None:
    """Compare each verdict and its sentence with the headline row that it is about."""
    config, chosen = from_json(pack["run"]["config"]), pack["asked"]["chosen"]
    finished = [cycle for cycle in pack["cycles"] if cycle["verdict"] is not None]
    for cycle in finished:
        if cycle["work"] == "finished":
            tier = DEV if config.dev_questions else config.headline_tier
            _compare_verdict(pack, f"cycle {cycle['cycle']}", cycle, (cycle["cycle"], tier, config.headline, ""),
                             differences)
    if pack["run"]["verdict"] is not None and chosen is not None:
        _compare_verdict(pack, "run", pack["run"], (chosen, config.headline_tier, config.headline, ""), differences)
    elif pack["run"]["verdict"] is not None and finished:
        last = finished[-1]
        differences.compare("run", pack["run"], {"verdict": last["verdict"], "sentence": last["sentence"]})


def _compare_verdict(pack: Row, place: str, told: Row, of_row: tuple[Any, ...], differences: Differences) -> None:
    row = next((row for row in pack["changes"] if _place(row) == of_row), None)
    if row is None:
        return
    differences.compare(place, told, {"verdict": row["verdict"]})
    if row["change"] is not None:
        for part in (f"{row['baseline']:.2f} to {row['tuned']:.2f}", f"({row['change']:+.2f}", f"n = {row['scored']})"):
            differences.compared += 1
            if part not in (told["sentence"] or ""):
                differences.found.append(f"{place}: its sentence lacks {part!r}, which its rows give")


def _compare_over_cycles(pack: Row, differences: Differences) -> None:
    config = pack["run"]["config"]
    changes = [ChangeRow(**row) for row in pack["changes"]]
    findings = cycles_corrected(changes, config["headline"], config["headline_tier"])
    stored = pack["over_cycles"]
    computed = None if findings is None else {
        **dataclasses.asdict(findings), "improved": list(findings.improved), "regressed": list(findings.regressed),
        "adjusted_p": {str(cycle): p for cycle, p in findings.adjusted_p.items()}}
    if (stored is None) != (computed is None):
        differences.found.append("over_cycles: the pack and its changes disagree on whether there is a correction")
    elif computed is not None:
        differences.compare("over_cycles", stored, computed)
    gaps = {one.metric: {**dataclasses.asdict(one), "distance": one.distance}
            for one in memorisation(changes, config["headline_tier"])}
    differences.compare_keys("memorisation", {row["metric"] for row in pack["memorisation"]}, set(gaps))
    for row in pack["memorisation"]:
        differences.compare(f"memorisation by {row['metric']}", row, gaps.get(row["metric"], {}))


def _compare_baselines(pack: Row, scores: PackScores, differences: Differences) -> None:
    cycle, tier = _tested_cycle(pack), pack["run"]["config"]["headline_tier"]
    test = [row for row in scores.all(cycle) if row["tier"] == tier]
    priors = list(zip(*(scores.of(arm, cycle, "choice_prior", test) for arm in ("baseline", "tuned")), strict=True))
    found = {one.rule: dataclasses.asdict(one) | {"finding": one.finding} for one in baselines_of(
        [(row["reference"], row["distractors"]) for row in test], priors)}
    stored = {row["rule"]: row for row in pack["choice_baselines"]}
    differences.compare_keys("choice_baselines", set(stored), set(found))
    for rule in stored.keys() & found.keys():
        differences.compare(f"baseline of {rule}", stored[rule], found[rule])


def _compare_people(pack: Row, scores: PackScores, differences: Differences) -> None:
    """Recompute kappa and the corrected preference from the ratings and the answers' scores."""
    cycle = _tested_cycle(pack)
    ratings = [row for row in pack["ratings"] if row["cycle"] == cycle and row["blind"]]
    for row in pack["people"]:
        metric, asked = row["metric"], [one for one in scores.all(cycle) if scores.has_two_answers(cycle, one)]
        directions = {question["question_id"]: direction_of_change(metric, after - before)
                      for question, before, after in zip(asked, scores.of("baseline", cycle, metric, asked),
                                                         scores.of("tuned", cycle, metric, asked), strict=True)
                      if before is not None and after is not None}
        found = compare_with_people(metric, directions, [(one["question"], one["rating"]) for one in ratings])
        differences.compare(f"people and {metric}", row, json.loads(json.dumps(
            dataclasses.asdict(found) | {"sentence": found.sentence})))


def _compare_forecast(pack: Row, differences: Differences) -> None:
    """Recompute the forecast from its pilots, and whether it held; packs of before there were any have none."""
    told = pack.get("forecast")
    if not told:
        return
    pilots = [PilotRecord(**pilot) for pilot in told["pilots"]]
    again = forecast_again(pilots, told["size"], told["questions"], told["metric"])
    better = METRICS[told["metric"]].better
    stop = max(again["low"] * better, again["high"] * better) < told["margin"]
    place = (_tested_cycle(pack), told["tier"], told["metric"], "")
    row = next((row for row in pack["changes"] if _place(row) == place), None)
    measured = row["change"] if row and told["scored_at"] else None
    held = None if measured is None else again["low"] <= measured <= again["high"]
    differences.compare("forecast", told, again | {"stop": stop, "measured": measured, "held": held})


def _compare_steps(pack: Row, differences: Differences) -> None:
    """Choose each cycle's step again from its evaluations; packs of runs that keep the last step have none."""
    for cycle in pack["cycles"]:
        chosen = (cycle["training"] or {}).get("chosen")
        if chosen:
            found = [EvaluationRecord(**one) for one in chosen["evaluations"]]
            differences.compare(f"step of cycle {cycle['cycle']}", chosen, {
                "step": best_evaluation(found, chosen["metric"]).step,
                "stopped_early": found[-1].step < chosen["of_steps"]})


def _compare_audits(pack: Row, differences: Differences) -> None:
    """Recompute the mean of each kind of planted answer, where the pack has the planted answers."""
    for audit in pack["audits"]:
        for kind in audit["kinds"] if audit["probes"] else ():
            scored = [probe["score"] for probe in audit["probes"]
                      if probe["kind"] == kind["kind"] and probe["score"] is not None]
            differences.compare(f"audit of {audit['metric']}, {kind['kind']}", kind, {
                "mean": sum(scored) / len(scored) if scored else None, "scored": len(scored)})


def _tested_cycle(pack: Row) -> int:
    """Return the last cycle that was compared on the headline test."""
    tier = pack["run"]["config"]["headline_tier"]
    cycles = [row["cycle"] for row in pack["changes"]]
    return max([row["cycle"] for row in pack["changes"] if row["tier"] == tier] or cycles, default=0)


def _as_early(computed: dict[str, Any], stored: Row) -> dict[str, Any]:
    """Leave out what an early comparison did not record: all cross-checks at once, never some of them."""
    later = computed.keys() - _BEFORE_CROSS_CHECKS - {"verdict"}
    early = all(stored.get(name) is None for name in later)
    return {name: value for name, value in computed.items() if not early or name not in later}


def _place(row: Row) -> tuple[Any, ...]:
    return row["cycle"], row["tier"], row["metric"], row["topic"]
