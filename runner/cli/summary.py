"""Summarise the result of a run as JSON and as text, including control arms."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from store import queries
from store.analysis.reading_verdict import reading_sentence
from store.analysis.findings import cycles_corrected, latest, memorisation
from store.analysis.gain_forecast import as_json as forecast_json
from store.analysis.gain_forecast import forecast_sentences, outcome
from store.analysis.required_sample_size import LargerTest, larger_test
from store.analysis.ways_to_answer import ways_to_answer
from store.analysis.step_choice import step_sentences
from store.analysis.teacher_replacement import how_compared, replacement_sentence, replacement_verdict, share_lines
from store.control_arms import ARMS, BASELINE, TUNED
from store.database import Store
from store.headline import headline_wanted, margin_of
from store.metrics import METRICS
from store.program_name import NAME
from store.queries import ArmChange, CurveRow, GainShare, Gap, Replacement, Run
from store.report.data_formats import larger_test_json
from store.report.reproduce_command import command_of
from store.run_config import RunConfig
from store.statistics import Power, power_before


def as_json(store: Store, run_id: str) -> dict[str, Any]:
    """Return the object that `run --json` prints last."""
    run = queries.find_run(store, run_id)
    assert run is not None
    result: dict[str, Any] = {"run": run.id, "work": run.work, "verdict": run.verdict, "sentence": run.sentence}
    if run.error:
        result |= {"error": run.error, "advice": run.advice}
    changes = queries.changes_of(store, run_id)
    together = cycles_corrected(changes, run.config.headline, run.config.headline_tier)
    result |= {"power_before": dataclasses.asdict(power_of(store, run.config, run.requested_at)),
               "memorisation": [dataclasses.asdict(one) | {"distance": one.distance}
                              for one in memorisation(changes, run.config.headline_tier)],
               "over_cycles": dataclasses.asdict(together) if together else None,
               "margin": margin_of(run.config, run.config.headline),
               "larger_test": larger_test_json(_larger_test(store, run, changes))}
    if ways := ways_to_answer(store, run, run.config.headline):
        result["ways_to_answer"] = [dataclasses.asdict(one) for one in ways]
    forecast = queries.forecast_of(store, run_id)
    result |= {"forecast": forecast_json(forecast)} if forecast else {}
    result |= arms_json(store, run)
    return result | {"cycles": [_cycle(store, cycle) for cycle in queries.cycles_of(store, run_id)]}


def _larger_test(store: Store, run: Run, changes: Sequence[queries.ChangeRow]) -> LargerTest | None:
    """Return what would decide an inconclusive verdict, by the run's own bill; None for any other verdict."""
    return larger_test(run.config, latest(changes, run.config.headline, run.config.headline_tier),
                       *(queries.teacher_usage(store, [run.id], who).get(run.id) for who in ("teacher", "judge")))


def _cycle(store: Store, cycle: queries.Cycle) -> dict[str, Any]:
    return {"cycle": cycle.cycle, "work": cycle.work, "verdict": cycle.verdict,
            "training_seconds": cycle.training_seconds, "adapter": cycle.adapter,
            "chosen_step": (cycle.training or {}).get("chosen"),
            "scores": [_score(row) for row in queries.changes_of(store, cycle.run, cycle.cycle) if not row.topic]}


def _score(row: queries.ChangeRow) -> dict[str, Any]:
    interval = None if row.low is None else [row.low, row.high]
    return {"tier": row.tier, "metric": row.metric, "baseline": row.baseline, "tuned": row.tuned,
            "change": row.change, "interval": interval, "scored": row.scored, "asked": row.asked,
            "verdict": row.verdict, "bootstrap": [row.bootstrap_low, row.bootstrap_high], "effect": row.effect,
            "effect_interval": [row.effect_low, row.effect_high], "wins": row.wins, "ties": row.ties,
            "losses": row.losses, "sign_test_p": row.p_value, "t_p": row.t_p_value, "wilcoxon_p": row.wilcoxon_p,
            "passages": row.clusters}


def as_lines(store: Store, run_id: str) -> list[str]:
    """Return the verdict, and a table of all tiers and metrics of the last cycle."""
    run = queries.find_run(store, run_id)
    assert run is not None
    lines = [f"run {run.id}: {run.work}" + (f", verdict: {run.verdict}" if run.verdict else "")]
    lines += [text for text in (run.sentence, run.error, run.advice) if text]
    if run.work == "waiting-for-review":
        lines += ["Its questions wait for a review; no student has answered. List them:",
                  f"    {NAME} dataset list {run.id}",
                  "Edit, reject (with a reason) and approve them there or on the page Dataset, then go on with:",
                  f"    {NAME} resume {run.id}"]
    if forecast := queries.forecast_of(store, run_id):
        lines += [*forecast_sentences(forecast)[:1], outcome(forecast)]
    cycles = queries.cycles_of(store, run_id)
    lines += step_sentences(cycles)
    rows = [row for row in queries.changes_of(store, run_id, cycles[-1].cycle) if not row.topic] if cycles else []
    if rows:
        lines += ["", *change_lines(rows), "", "reference_nll: lower is better; all others: higher is better."]
    changes = queries.changes_of(store, run_id)
    if larger := _larger_test(store, run, changes):
        lines += ["", larger.sentence(), command_of(larger.config)]
    return [*lines, *_cycle_notes(changes, run.config), *arms_lines(store, run)]


def change_lines(changes: Sequence[queries.ChangeRow]) -> list[str]:
    """Return a table of all tiers and metrics over all topics, cycle by cycle."""
    lines = []
    for cycle in sorted({row.cycle for row in changes}):
        lines += [f"{'cycle ' + str(cycle):10} {'metric':19} {'baseline':>8} {'tuned':>8} {'change':>8}  "
                  f"{'95% interval':18} {'n':>5}  verdict"]
        lines += [_line(row) for row in changes if row.cycle == cycle and not row.topic]
    return lines


def power_of(store: Store, config: RunConfig, before: datetime | None = None) -> Power:
    """Return the power of the headline test with this configuration, from the variance in earlier runs."""
    return power_before(config.headline, headline_wanted(config), queries.past_variances(store, config, before))


def _cycle_notes(changes: Sequence[queries.ChangeRow], config: RunConfig) -> list[str]:
    """Return the generalization gap by the headline metric, and the findings over all cycles (corrected)."""
    lines = [f"generalization gap by {one.metric}: {one.distance:+.3f} (train gain {one.practice:+.3f}, test gain "
             f"{one.held_out:+.3f})" + (f", 95% interval {one.low:+.3f} to {one.high:+.3f}"
                                        if one.low is not None and one.high is not None else "")
             for one in memorisation(changes, config.headline_tier) if one.metric == config.headline]
    together = cycles_corrected(changes, config.headline, config.headline_tier)
    return lines + ([together.sentence] if together else [])


def _line(row: queries.ChangeRow) -> str:
    interval = "-" if row.low is None else f"{row.low:+.3f} to {row.high:+.3f}"
    return (f"{row.tier:10} {METRICS[row.metric].name:19} {_number(row.baseline):>8} {_number(row.tuned):>8} "
            f"{_number(row.change, '+'):>8}  {interval:18} {row.scored:>2}/{row.asked:<2}  {row.verdict}")


def _number(value: float | None, sign: str = "") -> str:
    return "missing" if value is None else f"{value:{sign}.3f}"


def arms_json(store: Store, run: Run) -> dict[str, Any]:
    """Return all recorded comparisons, gaps and points of the learning curve."""
    found: dict[str, Sequence[ArmChange | Gap | CurveRow | Replacement | GainShare]] = {
        "arms": queries.arm_changes_of(store, run.id), "gaps": queries.gaps_of(store, run.id),
        "along_training": queries.curve_of(store, run.id),
        "replacement": queries.replacements_of(store, run.id), "gain_shares": queries.gain_shares_of(store, run.id)}
    return {name: [{key: value for key, value in dataclasses.asdict(row).items() if key != "run"} for row in rows]
            for name, rows in found.items() if rows}


def arms_lines(store: Store, run: Run) -> list[str]:
    """Return one line per control arm by the headline metric, and the gap to the teacher."""
    metric = run.config.headline
    at = {(row.arm, row.against): row for row in queries.arm_changes_of(store, run.id) if row.metric == metric}
    if not at:
        return []
    reading = reading_sentence(queries.arm_changes_of(store, run.id), run.config)
    lines = [reading] if reading else []
    lines += ["", f"{'control arm':16} {metric + ' vs. baseline':42} fine-tuned vs. control"]
    lines += [f"{arm:16} {_change_text(at.get((arm, BASELINE))):42} {_change_text(at.get((TUNED, arm)))}"
              for arm in ARMS if (arm, BASELINE) in at]
    lines += [_gap(gap) for gap in queries.gaps_of(store, run.id) if gap.closed is not None]
    lines += [f"{replacement_verdict(one)}: {replacement_sentence(one)} {how_compared(one)}"
              for one in queries.replacements_of(store, run.id)]
    return lines + share_lines([part for part in queries.gain_shares_of(store, run.id) if part.metric == metric])


def _change_text(row: ArmChange | None) -> str:
    if row is None or row.change is None:
        return "not measured"
    interval = "no interval" if row.low is None else f"{row.low:+.3f} to {row.high:+.3f}"
    return f"{row.change:+.3f} ({interval}) {row.verdict}"


def _gap(gap: Gap) -> str:
    why = " (trivial: the offline teacher's answers are the references)" if gap.by_construction else ""
    return f"gap closed by {gap.metric}: {gap.closed:.2f} ({gap.low:+.2f} to {gap.high:+.2f}){why}"
