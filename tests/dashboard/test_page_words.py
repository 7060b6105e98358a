"""Words of the field on the pages: what an earlier edition called by names of its own does not come back."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from knowledge.python_source_parser import parse_source
from store.data_origin import PROJECT_AUTHOR

ROOT = Path(__file__).parents[2]
SAID = ("dashboard", "runner/pipeline", "store")
"""Folders whose texts are on pages."""
RETIRED = {
    "Judge audit": ("judges on trial", "Can the judges be believed"),
    "Generate test questions": ("Ask the held-out test", "Ask practice questions"),
    "Load general-knowledge questions": ("Everyday questions", "everyday questions"),
    "Baseline answers": ("Untrained answers", "Score the untrained"),
    "Fine-tuned answers": ("Tuned answers", "Tuned against"),
    "Train control adapter": ("Train the placebo",),
    "Evaluate checkpoints": ("Weigh the test", "Curve along the training"),
    "Finalize": ("Close the run",),
    "Errors and retries": ("Failures and recoveries",),
    "All metrics": ("Every metric", "Every number that was logged"),
    "Queued": ("Waits for a runner",),
    "Duplicate run": ("Launch the same again",),
    "Training questions per cycle": ("Practice questions per cycle",),
    "Shared test set": ("Held-out set;",),
    "Unseen topics": ("New topics", "take topics away"),
    "Max new tokens": ("Longest answer, tokens",),
    "Teacher API base URL": ("Teacher address", "Judge address"),
    "accuracy": ("share right",),
    "Reference NLL": ("eference surprise",),
    "Multiple-choice accuracy": ("Choice accuracy",),
    "Cycles completed": ("Success rate:",),
    "Total time": ("Whole run",),
    "Truncated answers": ("Cut off before they ended",),
    "Generalization gap": ("Gain on practice",),
    "Metric definitions": ("What the metrics say", "Cannot see"),
    "Control arms": ("Other ways to an answer",),
    "Failed discriminations": ("What they did not tell apart",),
    "Distractors": ("false references",),
    "Blind A/B rating": ("Rate blind",),
    "Head-to-head": ("Tuned against tuned",),
    "Time by stage": ("Where the time went",),
    "Edit and rerun": ("Put its settings into the form",),
    "Unarchive": ("Take out of the archive",),
    "No questions yet": ("Nobody has asked",),
    "Split": ("Side of the split",),
    "Dataset fingerprint": ("Hash of the knowledge",),
    "Expected key terms": ("Key terms of a right answer",),
    "Runs of this schedule": ("What came of it",),
    "Cron expression": ("Cron line",),
    "Last heartbeat": ("Last heard of",),
    "Runner online": ("A runner is connected",),
}
"""The field's word, and what stood for it."""


def texts() -> list[tuple[str, str]]:
    """Where each literal of these folders stands, and its text; docstrings are left out.

    So is the one that stores contain, the author of the general questions.
    """
    found = []
    for path in (path for folder in SAID for path in sorted((ROOT / folder).rglob("*.py"))):
        tree = parse_source(path.read_text(encoding="utf-8"))
        documents = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
        found += [(f"{path.relative_to(ROOT)}:{node.lineno}", node.value) for node in ast.walk(tree)
                  if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in documents
                  and node.value != PROJECT_AUTHOR]
    return found


@pytest.fixture(scope="module")
def everything() -> list[tuple[str, str]]:
    return texts()


@pytest.mark.parametrize("instead", RETIRED)
def test_the_fields_word_is_on_the_pages(everything: list[tuple[str, str]], instead: str) -> None:
    assert [f"{place}: {text[:60]!r}, say: {instead}" for place, text in everything
            if any(retired in text for retired in RETIRED[instead])] == []
