"""`demo --seeds 3` trains three seeds on one test and shows the group, the parts of the gain and the four words."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from runner.cli.demo import GROUP, seeds_plan, show_group
from runner.cli.main import main
from store import queries
from store.analysis.teacher_replacement import PART_TITLES
from store.database import Store
from store.run_config import InvalidConfig
from tests.runner.group_runs import executed

TINY: dict[str, Any] = {"topics": ("pods", "services"), "questions": 8, "held_out": 12, "general": 0, "passes": None,
                        "steps": 2, "headline": "reference_nll"}


def test_three_seeds_show_the_group_the_shares_and_the_four_words(store: Store, tmp_path: Path) -> None:
    plan = seeds_plan("3", TINY)
    assert [config.seed_of_training for config in plan.configs] == [42, 43, 44] and plan.configs[0].cycles == 1
    executed(store, tmp_path, plan)
    said = io.StringIO()
    assert show_group(store, plan, Console(file=said, width=200)) == 0
    text = said.getvalue()
    assert "all runs: 3 of 3 runs are in the numbers." in text
    assert "The interval is over questions and over training seeds (3)." in text
    assert all(f"What the gain of seed {seed} is made of:" in text for seed in (42, 43, 44))
    assert all(text.count(f"\n{title}: ") == 3 for title in PART_TITLES.values())
    assert "no relevant change" in text and "inconclusive (neither). Here: " in text
    assert [run.group for run in queries.all_runs(store)] == [GROUP] * 3  # queued once, however often it is shown


@pytest.mark.parametrize(("arguments", "says"), [
    (["--seeds", "many"], "use how many (3), a range (1-20) or a list (1,5,9)"),
    (["--seeds", "3", "--no-run"], "--no-run launches nothing"),
    (["--seeds", "3", "--set", "quetsions=3"], "names no setting"),
    (["--seeds", "3", "--set", "margin=0"], "margin 0 is out of range: use 0.001 to 1")])
def test_what_cannot_be_shown_is_refused_with_a_sentence_before_anything_starts(
        arguments: list[str], says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("DATA_DIR", str(tmp_path))
    monkeypatch.delenv("STORE_URL", raising=False)
    assert main(["demo", *arguments]) == 2
    assert says in capsys.readouterr().err and not list(tmp_path.iterdir())


def test_the_plan_refuses_a_value_out_of_its_range() -> None:
    with pytest.raises(InvalidConfig, match="questions 0 is out of range"):
        seeds_plan("3", {"questions": 0})
