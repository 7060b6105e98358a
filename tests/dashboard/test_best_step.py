"""Overview and Live show the development scores along training and the step that each cycle kept."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from runner.pipeline.worker import execute_claimed_run
from store import commands, queries
from store.analysis.step_choice import step_sentences
from store.event_log import leases
from store.paths import Paths
from store.presets import preset
from tests.dashboard import stores
from tests.dashboard.conftest import words_of
from tests.runner.group_runs import seeded_resources

Opened = Callable[..., AppTest]
TITLE = "Development questions along training"
SETTINGS: dict[str, Any] = {"topics": ("pods", "services"), "questions": 8, "held_out": 4, "cycles": 2, "steps": 16,
                            "passes": None, "dev_questions": 6, "headline": "reference_nll"}


def unfolded(opened: Opened, folder: Path, page: str, run: str) -> AppTest:
    """The page with its learning curve open."""
    app = opened(folder, page, run=run)
    app.session_state["learning folded"] = True
    return app.run()


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[bool, str]]:
    """A store, and in it a finished run that keeps its best step (True) and one that keeps its last (False)."""
    folder = tmp_path_factory.mktemp("best-step")
    store = stores.store_at(folder)
    found = {best: commands.launch_run(store, preset("embedded", **SETTINGS, keep_best_step=best), "test")
             for best in (True, False)}
    while claim := leases.claim_next(store, leases.owner_name()):
        assert execute_claimed_run(claim, Paths(folder, store.url), seeded_resources) == 0
    store.close()
    return folder, found


@pytest.mark.parametrize("page", ["overview", "live"])
def test_the_kept_step_of_each_cycle_stands_under_its_curve(runs: Any, opened: Opened, page: str) -> None:
    folder, run = runs[0], runs[1][True]
    store = stores.store_at(folder)
    said = step_sentences(queries.cycles_of(store, run))
    store.close()
    assert [sentence.split(" kept")[0] for sentence in said] == ["Cycle 1", "Cycle 2"]
    app = unfolded(opened, folder, page, run)
    assert not app.exception and TITLE in [heading.value for heading in app.subheader]
    assert all(sentence in [caption.value for caption in app.caption] for sentence in said)
    assert "No step was scored" not in words_of(app)


@pytest.mark.parametrize("page", ["overview", "live"])
def test_a_run_that_keeps_its_last_step_has_no_such_panel(runs: Any, opened: Opened, page: str) -> None:
    app = unfolded(opened, runs[0], page, runs[1][False])
    assert not app.exception and TITLE not in [heading.value for heading in app.subheader]
