"""Render the evidence as one self-contained HTML page. The template escapes all untrusted text."""

from __future__ import annotations

import base64
import dataclasses
import functools
import hashlib
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from knowledge.kubernetes.topics import TOPIC_BY_SLUG
from store import events, formatting
from store.analysis.findings import by_cycle, direction, latest, signed_gain, tiers_in
from store.dataset_items import APPROVED
from store.data_origin import flag_sentence, origin_sentences, trained_by_people
from store.control_arms import ARMS, RETRIEVAL, TUNED_RETRIEVAL
from store.analysis.gain_forecast import forecast_sentences, outcome
from store.analysis.group_result import counts
from store.analysis.teacher_replacement import (
    PART_TITLES, how_compared, replacement_sentence, replacement_verdict, share_lines,
)
from store.analysis.step_choice import step_sentences
from store.headline import HEADLINE_QUESTIONS, HEADLINE_WORDS, margin_of, tested_in_words
from store.metrics import METRICS, TIERS
from store.queries import AnswerPair, ChangeRow, GainShare
from store.queries.openings_of_test import openings_sentence
from store.report.evidence import EXAMPLES_SHOWN, Evidence
from store.report.reproduce_command import command_of
from store.report.svg_charts import BeforeAfter, IntervalBar, dumbbell_plot, forest_plot
from store.run_config import OFFLINE_TEACHER
from store.statistics import MIN_PAIRS
from store.sweep import seeds_sentence

_HERE = Path(__file__).parent
LONGEST = 1500
"""Maximum characters of one text on the page; JSON and CSV contain all."""
ANSWERS = {
    "improved": ("Yes", "the student improved"), "worse": ("No", "the student got worse"),
    "no relevant change": ("No", "no relevant change"), "inconclusive": ("Inconclusive", "more questions are needed"),
    "regressed": ("No", "the student got worse"), "no evidence": ("No evidence", "of a change"),
    "too few to say": ("Too few questions", "to say"), "not measured": ("Not measured", ""),
}


def as_html(evidence: Evidence) -> str:
    """Return the page. Its security policy allows only its own style, by hash: no scripts, nothing loaded."""
    style = (_HERE / "html_page.css").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    ranked, larger = evidence.ranked(), evidence.larger_test
    gains = [signed_gain(evidence.headline, pair.change(evidence.headline) or 0.0) for pair in ranked]
    return _templates().get_template("html_page.html.j2").render(
        e=evidence, run=evidence.run, tested=tested_in_words(evidence.run.config),
        words=HEADLINE_WORDS[evidence.tier], questions=HEADLINE_QUESTIONS[evidence.tier].rstrip(","), style=style,
        style_hash=f"sha256-{digest}", answer=_answer(evidence),
        command=command_of(evidence.run.config), larger=larger,
        larger_command=command_of(larger.config) if larger else "", configuration=_configuration(evidence),
        hashes=_hashes(evidence),
        versions=_versions(evidence), tiers=TIERS, measures=[METRICS[name] for name in evidence.metrics
                                                             if name in METRICS],
        margin=margin_of(evidence.run.config, evidence.headline), arms=ARMS, charts=_charts(evidence),
        shares=_shares(evidence), group=_group(evidence),
        arm_charts=_arm_charts(evidence), worst=ranked[:EXAMPLES_SHOWN],
        best=list(reversed(ranked[-EXAMPLES_SHOWN:])), none_worse=bool(gains) and gains[0] >= 0,
        none_better=bool(gains) and gains[-1] <= 0, missing=_missing(evidence), times=_times(evidence),
        origins=[*origin_sentences(evidence.origin), *flag_sentence(
            (one.question_id, one.flag, one.by) for one in evidence.flags)],
        edits=[one for one in evidence.edits if not one.bulk or one.what != APPROVED],
        bulk=sum(one.bulk and one.what == APPROVED for one in evidence.edits),
        by_people=trained_by_people(evidence.origin),
        offline_teacher=evidence.run.config.teacher == OFFLINE_TEACHER).strip() + "\n"


def _group(evidence: Evidence) -> list[dict[str, Any]]:
    """Return each combination of settings of the run's group with its headline change, its counts and its chart."""
    found = []
    for one in evidence.group.combinations if evidence.group else ():
        change = one.headline
        bars = [IntervalBar(f"seed {run.config.seed_of_training}", value, value, value, "", "")
                for run, value in zip(one.pooled, change.found.seed_changes, strict=True)] if change else []
        if change and bars:
            pooled = change.found.pooled
            bars.insert(0, IntervalBar("mean", pooled.change, pooled.low, pooled.high, change.verdict))
        better = METRICS[one.config.headline].better if one.config.headline in METRICS else 1
        found.append({"one": one, "change": change, "counts": counts(one), "scope": seeds_sentence(len(one.pooled)),
                      "chart": forest_plot(bars, better, "Change of each seed, and their mean") if bars else None})
    return found


def _escape_invisible(value: Any) -> Any:
    """Escape invisible and direction-changing characters in template output; charts (Markup) stay as they are."""
    return formatting.escape_invisible(value) if type(value) is str else value


@functools.cache
def _templates() -> Environment:
    environment = Environment(loader=FileSystemLoader(_HERE), autoescape=True, undefined=StrictUndefined,
                              trim_blocks=True, lstrip_blocks=True, finalize=_escape_invisible)
    environment.filters |= {
        "number": formatting.number, "change": formatting.change, "metric": formatting.metric,
        "duration": formatting.duration,
        "moment": formatting.moment, "money": formatting.money, "p": formatting.p_value, "topic": _topic, "text": _text,
        "cut": _cut, "arm": _arm,
    }
    environment.globals |= {"interval": formatting.interval, "effect": formatting.effect,
                            "coverage": formatting.scored_of,
                            "replacement_verdict": replacement_verdict, "how_compared": how_compared,
                            "replacement_sentence": replacement_sentence, "forecast_sentences": forecast_sentences,
                            "outcome": outcome, "openings_sentence": openings_sentence, "share_lines": share_lines,
                            "step_sentences": step_sentences,
                            "latest": latest, "by_cycle": by_cycle, "tiers_in": tiers_in}
    return environment


def _answer(evidence: Evidence) -> dict[str, str]:
    """Return the verdict as the answer to the page's title question, and the sentence with its numbers."""
    latest_result = next((cycle for cycle in reversed(evidence.cycles) if cycle.sentence), None)
    verdict = evidence.run.verdict or (latest_result.verdict if latest_result else None) or ""
    lead, rest = ANSWERS.get(verdict, ("No verdict yet", ""))
    sentence = evidence.run.sentence or (latest_result.sentence if latest_result else None)
    return {"verdict": verdict or "none", "lead": lead, "rest": rest,
            "sentence": sentence or f"The run is {evidence.run.work}; no cycle of it has been compared.",
            "so_far": "" if evidence.run.work == "finished" or not latest_result else
                      f"The run is {evidence.run.work}. This is the result of cycle {latest_result.cycle} of "
                      f"{evidence.run.config.cycles}."}


def _charts(evidence: Evidence) -> dict[str, Any]:
    metric, better = evidence.headline, direction(evidence.headline)
    cycles = by_cycle(evidence.changes, metric, evidence.tier)
    tiers = [row for tier in tiers_in(evidence.changes) if (row := latest(evidence.changes, metric, tier))]
    topics = [row for row in evidence.topics if row.scored >= MIN_PAIRS]
    title, words = formatting.metric(metric), HEADLINE_WORDS[evidence.tier]
    return {
        "cycles": forest_plot([_stretch(f"Cycle {row.cycle}", row) for row in cycles], better,
                              f"Change of {title} on {words}, by cycle") if cycles else "",
        "sticks": dumbbell_plot([BeforeAfter(f"Cycle {row.cycle}", row.baseline, row.tuned, row.verdict)
                                 for row in cycles],
                                f"{title} on {words} before and after, by cycle") if cycles else "",
        "tiers": forest_plot([_stretch(row.tier, row) for row in tiers], better,
                             f"Change of {title} by kind of question")
        if tiers else "",
        "topics": forest_plot([_stretch(_topic(row.topic), row) for row in topics], better,
                              f"Change of {title} on {words}, by topic") if topics else "",
        "memorisation": forest_plot([
            IntervalBar(formatting.metric(one.metric).partition(" (")[0], one.distance, one.low, one.high, "")
            for one in evidence.memorisation], -1, "Train gain minus test gain, by metric",
            ("← generalizes", "memorised →"))
        if evidence.memorisation else "",
        "shares": forest_plot([IntervalBar(PART_TITLES[part.part], part.gain, part.low, part.high, "",
                                           "" if part.share is None else f"{part.share:.2f} of the gain")
                               for part in _shares(evidence)], 1, f"Parts of the gain of {title}")
        if _shares(evidence) else "",
    }


def _shares(evidence: Evidence) -> list[GainShare]:
    """Return the parts of the gain by the headline metric."""
    return [part for part in evidence.shares if part.metric == evidence.headline]


def _arm_charts(evidence: Evidence) -> list[tuple[str, Any]]:
    """Return (metric, forest plot of the arms' differences) for the headline metric and fact recall."""
    drawn = []
    for metric in dict.fromkeys((evidence.headline, "fact_recall")):
        rows = [row for row in evidence.arms if row.metric == metric and row.change is not None
                and (row.arm, row.against) != (TUNED_RETRIEVAL, RETRIEVAL)]  # it has a verdict and questions of its own
        if rows:
            drawn.append((metric, forest_plot(
                [IntervalBar(f"{_arm(row.arm)} – {_arm(row.against).lower()}", row.change, row.low, row.high,
                             row.verdict,
                         f"n = {row.scored}") for row in rows], direction(metric),
                f"{formatting.metric(metric)}: each arm against another")))
    return drawn


def _arm(name: str) -> str:
    return ARMS[name].title if name in ARMS else {"baseline": "Untrained"}.get(name, name.capitalize())


def _stretch(label: str, row: ChangeRow) -> IntervalBar:
    return IntervalBar(label, row.change, row.low, row.high, row.verdict, f"n = {row.scored}")


def _configuration(evidence: Evidence) -> list[tuple[str, str]]:
    """Return every setting with its value, defaults included."""
    return [(name.replace("_", " "), ", ".join(map(str, value)) if isinstance(value, tuple) else str(value))
            for name, value in dataclasses.asdict(evidence.run.config).items()]


def _hashes(evidence: Evidence) -> list[tuple[str, str]]:
    run, plan = evidence.run, evidence.run.plan or {}
    found = [("Knowledge base", run.knowledge_hash), ("Held-out questions", run.held_out_hash),
             (f"Untrained student ({plan.get('student', 'unknown')})", plan.get("weights"))]
    found += [(f"Adapter of cycle {cycle.cycle}", cycle.adapter_sha256) for cycle in evidence.cycles]
    found += [(f"Checkpoint {stage.path}", stage.sha256) for stage in evidence.stages if stage.path]
    return [(name, value or "not recorded") for name, value in found]


def _versions(evidence: Evidence) -> list[tuple[str, str]]:
    started = evidence.newest(events.RunStarted)
    return sorted(started.versions.items()) if isinstance(started, events.RunStarted) else []


def _missing(evidence: Evidence) -> list[tuple[str, str, int]]:
    """Count missing answers and scores of the last cycle: (tier, reason, number of questions)."""
    counted: dict[tuple[str, str], int] = {}
    for pair in evidence.answers:
        if pair.cycle == evidence.last_cycle:
            for reason in dict.fromkeys(_reasons(pair)):
                counted[pair.tier, reason] = counted.get((pair.tier, reason), 0) + 1
    return [(tier, reason, count) for (tier, reason), count in sorted(counted.items())]


def _reasons(pair: AnswerPair) -> list[str]:
    missing = [("untrained answer", pair.baseline_missing), ("tuned answer", pair.tuned_missing),
               ("reference", pair.reference_missing)]
    found = [f"{what}: {reason}" for what, reason in missing if reason]
    cut = [("untrained answer", pair.baseline_cut_off), ("tuned answer", pair.tuned_cut_off)]
    found += [f"{what} truncated at the token or time limit (scored as it is)" for what, is_cut in cut if is_cut]
    return found + [f"{formatting.metric(metric)}: {reason}" for metric, reason in (pair.unscored or {}).items()]


def _times(evidence: Evidence) -> list[tuple[str, float, int]]:
    """Return (title, total seconds, number of executions) per stage over all cycles."""
    titles = {row.stage: row.title for row in evidence.run.flow}
    found: dict[str, tuple[float, int]] = {}
    for stage in evidence.stages:
        seconds, times = found.get(stage.stage, (0.0, 0))
        found[stage.stage] = (seconds + (stage.seconds or 0.0), times + 1)
    return [(titles.get(name, name), seconds, times) for name, (seconds, times) in found.items()]


def _topic(slug: str) -> str:
    return TOPIC_BY_SLUG[slug].name if slug in TOPIC_BY_SLUG else slug


def _text(body: str | None) -> str:
    """Return a text for the page: truncated, with invisible and direction-changing characters escaped."""
    return formatting.escape_invisible(formatting.clipped(body or "", LONGEST)[0])


def _cut(body: str | None) -> str:
    """Return the note under a truncated text; empty if it is complete."""
    return formatting.clipped(body or "", LONGEST)[1] or ""
