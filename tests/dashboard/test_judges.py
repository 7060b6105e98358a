"""Pages show which judge gave the scores, whether it passed its audit, and what judging costs before a launch."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from dashboard.view_models import event_sentences, launch_request
from store import queries
from tests.dashboard import stores
from tests.dashboard.conftest import static_tables, words_of
from tests.dashboard.run_maker import RunMaker, clock_at

Opened = Callable[..., AppTest]


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with a judge model, a headline metric that fails its audit, and one rescoring."""
    folder = tmp_path_factory.mktemp("judged")
    store = stores.store_at(folder)
    with clock_at(stores.long_ago(2)) as clock:
        config = stores.config_of(cycles=1, judge="gpt-4o-mini", headline="answer_similarity", name="judged")
        maker = RunMaker(store, config, clock, 3).start().opening()
        maker.cycle(1, 0.3)
        maker.judge_again("faithfulness", "another-judge")
        maker.finish()
    store.close()
    return folder


def table_with(app: AppTest, column: str) -> Any:
    return next(frame.value for frame in app.dataframe if column in frame.value)


def test_the_trial_stands_beside_the_verdict_with_its_numbers(judged: Path, opened: Opened) -> None:
    app = opened(judged)
    assert not app.exception
    assert any("failed its audit" in warning.value for warning in app.main.warning)
    app.session_state["overview tab"] = "Judges"
    assert "Judge reliability" in words_of(app.run())
    rows = table_with(app, "audit").set_index("metric")
    assert rows.loc["Answer similarity", "audit"] == "✗ failed" and rows.loc["Answer similarity", "negated"] == 0.96
    assert rows.loc["Faithfulness", "audit"] == "✓ passed" and rows.loc["Faithfulness", "judge"] == "gpt-4o-mini"
    app.session_state["overview tab"] = "Metric definitions"
    app.run()
    cells = [cell.text or "" for table in static_tables(app) for cell in table.iter("td")]
    assert any("Not to be confused with answer similarity" in text for text in cells)


def test_a_verdict_by_a_metric_that_passed_has_no_warning(state_folders: Any, opened: Opened) -> None:
    app = opened(state_folders["finished"][0])
    assert not any("failed its audit" in warning.value for warning in app.main.warning)


def test_answers_show_the_runs_own_scores_unless_another_judging_is_chosen(judged: Path, opened: Opened) -> None:
    app = opened(judged, "answers")
    own = table_with(app, "scored by")
    assert set(own["scored by"]) == {"all-MiniLM-L6-v2"} and len(own) > 6
    app.selectbox(key="judging").set_value(1).run()
    assert not app.exception
    again = table_with(app, "scored by")
    assert list(again["scored by"]) == ["another-judge"] and list(again["before"]) == [0.25]


def test_without_a_later_judging_nobody_is_asked_whose_scores(state_folders: Any, opened: Opened) -> None:
    app = opened(state_folders["finished"][0], "answers")
    assert "judging" not in [box.key for box in app.selectbox]


def test_what_a_judge_will_be_asked_is_said_before_the_launch() -> None:
    values = {"judge": " gpt-4o-mini ", "judge_base_url": "", "held_out": 12, "questions": 12}
    assert "at most" in str(launch_request.judging_note("embedded", values))
    assert launch_request.config_from("embedded", values).judge == "gpt-4o-mini"
    assert launch_request.judging_note("embedded", {"judge": ""}) is None
    assert launch_request.judging_note("embedded", {"judge": "x", "judge_base_url": "nonsense"}) is None


def test_what_happens_to_judges_is_told_in_the_log(judged: Path) -> None:
    store = stores.store_at(judged)
    (run,) = queries.all_runs(store)
    said = [event_sentences.describe(item) for item in queries.latest_events(store, run.id, 500)]
    store.close()
    assert any(line.startswith("Audit of answer similarity by gpt-4o-mini: failed") for line in said)
    assert any(line.startswith("Rescoring 1 of stored answers by faithfulness") for line in said)


def test_the_tiles_of_metrics_that_failed_their_audit_say_so(state_folders: dict[str, tuple[Path, str | None]],
                                                             opened: Callable[..., AppTest]) -> None:
    app = opened(state_folders["finished"][0], "overview")
    assert "Audit failed: answer similarity, fact recall, ROUGE-L, chrF (see Judges)." in words_of(app)
    marked = {metric.label for metric in app.metric if "failed the audit" in metric.help}
    assert marked == {"Answer similarity", "Fact recall", "ROUGE-L", "chrF"}
