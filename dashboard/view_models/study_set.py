"""What a cycle trained on as rows and lines for pages. No I/O."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from dashboard.style import labels
from store.queries.study_sets import StudySet


def form_rows(study_set: StudySet) -> list[dict[str, str]]:
    """One row per form of study items: items, wordings, presentations with their share, estimated share of tokens."""
    prepared = study_set.prepared
    shown, tokens = (sum(getattr(form, name) for form in prepared.forms) for name in ("presentations", "tokens"))
    return [{"form": form.form, "items": f"{form.items:,}", "wordings": str(form.wordings or labels.DASH),
             "presentations": _with_share(form.presentations, shown),
             "tokens (estimate)": _with_share(form.tokens, tokens)} for form in prepared.forms]


def coverage_line(study_set: StudySet) -> str:
    """How many key terms are in how many items; empty where it was not counted."""
    counts = [term.items for fact in study_set.prepared.facts for term in fact.coverage]
    if not counts:
        return ""
    return (f"{sum(count > 0 for count in counts)} of {len(counts)} key terms are in study items, each in "
            f"{min(counts)} to {max(counts)} of them.")


def term_rows(study_set: StudySet, titles: Mapping[str, str]) -> list[dict[str, str | int]]:
    """One row per key term of each fact with the number of items that contain it, the fewest first.

    Args:
        titles: passage id -> title; a passage that is not among them is named by its id.
    """
    rows: list[dict[str, str | int]] = [
        {"fact": titles.get(fact.passage_id, fact.passage_id), "taught in cycle": fact.cycle, "key term": term.term,
         "items": term.items} for fact in study_set.prepared.facts for term in fact.coverage]
    return sorted(rows, key=lambda row: int(row["items"]))


def note_lines(study_sets: Sequence[StudySet]) -> list[str]:
    """What was not as planned, a sentence each, and how many items were refused, with the cycle."""
    lines = [f"Cycle {one.cycle}: {note}." for one in study_sets for note in one.prepared.notes]
    refused = sum(fact.refused for fact in study_sets[-1].prepared.facts) if study_sets else 0
    return lines + ([f"{labels.count(refused, 'item')} that nearly repeat a test question were left out."]
                    if refused else [])


def _with_share(count: int, total: int) -> str:
    return f"{count:,} ({count / total:.0%})" if total else labels.DASH
