"""One stored run for each verdict: pages, charts, report, evidence pack and the command line say the same word."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from dashboard.panels import knowledge_fields
from dashboard.style import labels
from dashboard.view_models.launch_request import form_state
from runner.cli.main import main
from runner.cli.run import add_arguments, config_of
from runner.cli.summary import as_json, as_lines
from store import report
from store.analysis.required_sample_size import larger_test, with_questions
from store.database import open_for_reading
from store.queries import ChangeRow, TeacherUsage
from store.report.reproduce_command import command_of
from store.run_config import NO_MARGIN, RANGES, TAUGHT, RunConfig
from store.statistics import pairs_to_decide
from tests.addresses import address_in
from tests.dashboard import stores
from tests.dashboard.conftest import row_charts

Opened = Callable[..., AppTest]
RUNS: dict[str, dict[str, Any]] = {
    "improved": {"gains": (0.4,)},
    "worse": {"gains": (-0.4,)},
    "no relevant change": {"gains": (0.0,), "held_out": 120, "headline": "answer_similarity"},
    "inconclusive": {"gains": (0.0,), "held_out": 20},
    "too few to say": {"gains": (0.4,), "held_out": 4},
    "not measured": {"gains": (0.0,), "fine_tune": False},
    "regressed": {"gains": (-0.4,), "margin": NO_MARGIN},
    "no evidence": {"gains": (0.0,), "held_out": 20, "margin": NO_MARGIN},
}
"""Verdict -> a run that gets it; the last two are as runs were before a margin was named."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("words")


@pytest.fixture(scope="module")
def runs(folder: Path) -> dict[str, str]:
    store = stores.store_at(folder)
    made = {word: stores.finished(store, stores.long_ago(9 - at), seed=3, name=f"run {at}", **settings)
            for at, (word, settings) in enumerate(RUNS.items())}
    store.close()
    return made


def titles(app: AppTest) -> list[str]:
    """Titles of the charts of scores and changes."""
    return [str(title.text) for chart in row_charts(app) for title in chart.findall("div[@class='title']")]


def other_words(word: str) -> list[str]:
    return [labels.VERDICTS[other].label for other in labels.VERDICTS if other != word]


@pytest.mark.parametrize("word", RUNS)
def test_overview_and_its_charts_say_the_word_of_the_run(word: str, runs: dict[str, str], folder: Path,
                                                         opened: Opened) -> None:
    app = opened(folder, run=runs[word])
    assert not app.exception
    assert app.subheader[0].value == f"{labels.VERDICTS[word].sign} {labels.ANSWERS[word]}"
    told = [title for title in titles(app) if any(title.startswith(style.label) for style in labels.VERDICTS.values())]
    assert word == "not measured" or (told and all(title.startswith(labels.VERDICTS[word].label) for title in told))
    assert not any(title.startswith(other) for title in told for other in other_words(word))
    assert ("larger test" in {button.key for button in app.button}) == (word == "inconclusive")


def test_history_shows_each_word(runs: dict[str, str], folder: Path, opened: Opened) -> None:
    app = opened(folder, "history")
    frame = next(frame.value for frame in app.dataframe if "verdict" in frame.value)
    shown = dict(zip(frame["run"], frame["verdict"], strict=True))
    assert shown == {run: f"{labels.VERDICTS[word].sign} {labels.VERDICTS[word].label}" for word, run in runs.items()}


def test_compare_shows_each_word(runs: dict[str, str], folder: Path, opened: Opened) -> None:
    chosen = {word: run for word, run in runs.items() if word not in ("no relevant change", "not measured")}
    app = opened(folder, "compare", cycles=",".join(f"{run}:1" for run in chosen.values()))
    (counted,) = [title for title in titles(app) if "inconclusive in 1" in title.lower()]
    assert counted == ("Improved in 1, worse in 1, inconclusive in 1, regressed in 1, no evidence of a change in 1, "
                       "too few to say in 1 of 6 cycles")


@pytest.mark.parametrize("word", RUNS)
def test_report_evidence_pack_and_command_line_say_it(word: str, runs: dict[str, str], folder: Path) -> None:
    store = open_for_reading(address_in(folder))
    try:
        evidence = report.gather(store, runs[word])
        assert evidence is not None
        page, pack = report.as_html(evidence), json.loads(report.as_json(evidence))
        told, lines = as_json(store, runs[word]), "\n".join(as_lines(store, runs[word]))
    finally:
        store.close()
    lead, rest = re.search(r'<p class="lead"><b>([^<]*)</b>:?([^<]*)</p>', page).groups()  # type: ignore[union-attr]
    assert f"{lead}{':' if lead in ('Yes', 'No', 'Inconclusive') else ''}{rest}" == labels.ANSWERS[word]
    assert told["verdict"] == pack["run"]["verdict"] == word and f"verdict: {word}" in lines
    headline = [row for row in pack["changes"] if (row["tier"], row["metric"], row["topic"]) == (
        "held-out", evidence.headline, "")]
    assert word == "not measured" or [row["verdict"] for row in headline] == [word]
    assert told["larger_test"] == pack["larger_test"]
    assert (told["larger_test"] is not None) == (word == "inconclusive")
    for text in (page, lines):
        assert ("would see a change of 0.05" in text) == (word == "inconclusive")


@pytest.mark.parametrize("word", RUNS)
def test_the_list_of_runs_and_the_comparison_say_it(word: str, runs: dict[str, str], folder: Path,
                                                    monkeypatch: pytest.MonkeyPatch,
                                                    capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("DATA_DIR", str(folder))
    monkeypatch.setenv("STORE_URL", address_in(folder))
    assert main(["status", "--json"]) == 0
    assert {one["run"]: one["verdict"] for one in json.loads(capsys.readouterr().out)}[runs[word]] == word
    other = runs["improved" if word != "improved" else "worse"]
    assert main(["compare", runs[word], other, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["cycles"][0]["verdict"] == word


def test_a_head_to_head_with_a_run_without_a_margin_keeps_the_old_words(
        runs: dict[str, str], folder: Path, monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("STORE_URL", address_in(folder))
    words = {}
    for other in ("worse", "regressed"):
        assert main(["compare", runs["improved"], runs[other], "--json"]) == 0
        (row,) = [row for row in json.loads(capsys.readouterr().out)["paired"] if row["metric"] == "choice_accuracy"]
        words[other] = row["verdict"], row["margin"]
    assert words == {"worse": ("worse", 0.05), "regressed": ("regressed", None)}


def test_the_button_fills_the_launch_form_with_that_many_questions(runs: dict[str, str], folder: Path,
                                                                   opened: Opened) -> None:
    app = opened(folder, run=runs["inconclusive"])
    button = app.button(key="larger test")
    asked = int(re.sub(r"\D", "", button.label))
    before = app.session_state["launch embedded held_out"]
    button.click().run()
    assert not app.exception and before != asked and app.session_state["launch embedded held_out"] == asked
    assert any(f"--held-out={asked}" in code.value for code in app.code)


def row(spread: float, verdict: str = "inconclusive") -> ChangeRow:
    return ChangeRow(run="r", cycle=1, tier=TAUGHT, metric="choice_accuracy", topic="", baseline=0.5, tuned=0.5,
                     change=0.0, low=-0.2, high=0.2, scored=24, asked=24, wins=6, ties=12, losses=6, p_value=1.0,
                     verdict=verdict, spread=spread)


def config(command: str) -> RunConfig:
    """What the command line makes of a reproduce command."""
    import argparse
    import shlex

    parser = argparse.ArgumentParser()
    add_arguments(parser)
    return config_of(parser.parse_args(shlex.split(command)[4:]))


def test_it_says_questions_cost_and_a_command_that_asks_them() -> None:
    start = RunConfig(teacher="gpt-4o-mini", questions=24, taught_questions=60)
    found = larger_test(start, row(0.15), TeacherUsage(60, 9_000, 0.60), None)
    assert found is not None
    assert found.questions == pairs_to_decide(0.05, 0.15) == found.askable
    assert config(command_of(found.config)) == found.config
    asked = found.config.questions * found.config.cycles
    assert asked >= found.questions and found.config.taught_questions == found.questions
    # 24 questions for training, 12 held out and 24 on taught facts cost 0.60 USD
    assert found.cost_usd == pytest.approx(0.60 * (asked + 12 + found.questions) / 60)
    assert f"{found.cost_usd:.2f} USD" in found.sentence() and f"About {found.questions} questions" in found.sentence()


@pytest.mark.parametrize(("changes", "teacher", "says"), [
    ({"teacher": "gpt-4o-mini"}, TeacherUsage(60, 9_000, None), "The cost is unknown"),
    ({"teacher": "gpt-4o-mini"}, None, "The cost is unknown"),
    ({"judge": "gpt-4o"}, None, "The cost is unknown"),
    ({}, None, "The offline teacher costs nothing."),
])
def test_a_cost_that_is_not_known_is_not_zero(changes: dict[str, Any], teacher: TeacherUsage | None, says: str) -> None:
    found = larger_test(RunConfig(**changes), row(0.15), teacher, None)
    assert found is not None and says in found.sentence()


def test_where_a_run_cannot_ask_so_many_it_says_what_it_can() -> None:
    found, most = larger_test(RunConfig(questions=24), row(2.0), None, None), int(RANGES["taught_questions"][1])
    assert found is not None and found.askable == most < found.questions
    assert f"one run can ask {most:,} at most, which would see about" in found.sentence()
    assert with_questions(RunConfig(headline_tier="held-out", held_out_set="shared"), 90).held_out_set == ""
    assert form_state(found.config, knowledge_fields.FOLDER)["launch embedded taught_questions"] == most


def test_other_verdicts_need_nothing() -> None:
    assert larger_test(RunConfig(), row(0.5, "improved"), None, None) is None
    assert larger_test(RunConfig(margin=NO_MARGIN), row(0.5), None, None) is None
    assert larger_test(RunConfig(), None, None, None) is None
