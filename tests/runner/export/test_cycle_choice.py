"""A cycle that only the test can have chosen is not shipped unless a person says so, which the model card repeats."""

from __future__ import annotations

from pathlib import Path

import pytest

from runner.cli.main import main
from runner.export.cycle_choice import refuse_choice_by_test
from runner.export.errors import CannotExport
from runner.pipeline.worker import execute_claimed_run
from store import commands
from store.database import Store
from store.event_log import leases
from store.paths import Paths
from store.queries.best_adapter import best_adapter
from tests.plain_runs import plain_run
from tests.runner import fakes
from tests.runner.group_runs import SMALL


def executed(store: Store, data: Path, **changes: object) -> str:
    run = commands.launch_run(store, plain_run(**SMALL | {"cycles": 3, "headline": "reference_nll"} | changes), "test")
    claim = leases.claim_next(store, leases.owner_name())
    assert claim and execute_claimed_run(claim, Paths(data, store.url), fakes.fake_resources) == 0
    return run


@pytest.fixture(autouse=True)
def here(monkeypatch: pytest.MonkeyPatch, store: Store, tmp_path: Path) -> None:
    monkeypatch.setenv("DATA_DIR", str(tmp_path))
    monkeypatch.setenv("STORE_URL", store.url)


@pytest.mark.parametrize("command", ["export", "serve-model"])
def test_an_earlier_cycle_without_development_questions_is_refused_with_the_way_out(
        store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str], command: str) -> None:
    run = executed(store, tmp_path)
    port = ["--port", "0"] if command == "serve-model" else []
    assert main([command, run, "--cycle", "1", *port]) == 2
    said = capsys.readouterr().err
    assert "the best of 3 by the test looks better than it is" in said and "--without-dev" in said
    assert "Traceback" not in said and not (tmp_path / "exports").exists()


def test_with_the_flag_the_card_says_that_the_test_may_have_chosen_it(store: Store, tmp_path: Path,
                                                                      capsys: pytest.CaptureFixture[str]) -> None:
    run, to = executed(store, tmp_path), tmp_path / "out"
    assert main(["export", run, "--cycle", "1", "--without-dev", "--form", "adapter", "--to", str(to)]) == 0
    says = "Cycle 1 was named by hand, without development questions, where 3 cycles had answered the test"
    assert says in (to / "README.md").read_text() and says in capsys.readouterr().out
    assert main(["export", run, "--cycle", "3", "--form", "adapter", "--to", str(tmp_path / "last")]) == 0
    card = (tmp_path / "last" / "README.md").read_text()
    assert "named by hand" not in card and "The last cycle, 3" in card


def test_with_development_questions_the_cycle_is_chosen_on_them_and_another_one_says_so(store: Store,
                                                                                        tmp_path: Path) -> None:
    run = executed(store, tmp_path, dev_questions=6)
    best = best_adapter(store, run)
    assert best and best.chosen_on_dev
    other = next(cycle for cycle in (1, 2, 3) if cycle != best.cycle)
    refuse_choice_by_test(store, run, other, without_dev=False)  # the test cannot have chosen it: it was not asked
    assert main(["export", run, "--cycle", str(other), "--form", "adapter", "--to", str(tmp_path / "out")]) == 0
    card = (tmp_path / "out" / "README.md").read_text()
    assert f"Cycle {other} was named by hand. Cycle {best.cycle} was chosen among 3 on the development" in card
    assert "of this one it says nothing" in card


def test_one_cycle_alone_is_no_choice(store: Store, tmp_path: Path) -> None:
    run = executed(store, tmp_path, cycles=1)
    refuse_choice_by_test(store, run, 1, without_dev=False)
    refuse_choice_by_test(store, "no such run", 1, without_dev=False)  # what follows says so
    with pytest.raises(CannotExport, match="cycle 1 of run"):
        refuse_choice_by_test(store, executed(store, tmp_path, cycles=2), 1, without_dev=False)
