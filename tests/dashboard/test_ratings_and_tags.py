"""Blind ratings, tags, notes, archive and deletion, and the roles that permit them; forecasts and word diffs."""

from __future__ import annotations

import ast
import dataclasses
import html
import re
from collections.abc import Callable, Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from dashboard.session import identity
from dashboard.style import labels, word_diff
from dashboard.view_models import blind_rating, launch_request
from store.analysis import launch_forecast
from knowledge.python_source_parser import parse_source
from store import queries
from store.database import Store, open_for_reading
from store.permissions import Role
from store.queries import PastStage
from store.run_config import RunConfig
from tests.dashboard import stores
from tests.dashboard.conftest import words_of
from tests.plain_runs import plain_run

Opened = Callable[..., AppTest]
DASHBOARD = Path(blind_rating.__file__).parents[1]


@pytest.fixture
def finished(tmp_path: Path) -> Iterator[tuple[Path, str, Store]]:
    run = str(stores.build("finished", tmp_path))
    store = open_for_reading(f"sqlite:///{tmp_path / 'events.db'}")
    yield tmp_path, run, store
    store.close()


def button(app: AppTest, key: str) -> object:
    return next(item for item in app.button if item.key == key)


def test_a_rating_is_blind_until_it_is_given_and_then_on_record(finished: tuple[Path, str, Store],
                                                                opened: Opened) -> None:
    folder, run, store = finished
    app = opened(folder, "answers", run=run, doing="rate")
    assert "(untrained)" not in words_of(app) and "(fine-tuned)" not in words_of(app) and not app.dataframe
    shown = [code.value for code in app.code[:2]]
    app.text_input(key=next(item.key for item in app.text_input if str(item.key).startswith("note "))).set_value("why")
    button(app, "rate left").click().run()  # type: ignore[attr-defined]
    (rating,) = queries.ratings_of(store, run)
    pair = next(pair for pair in queries.answers_of(store, run, rating.cycle) if pair.question == rating.question)
    left = pair.tuned if rating.left_arm == "tuned" else pair.baseline
    assert left == shown[0]
    assert rating.rating == ("better" if rating.left_arm == "tuned" else "worse")
    assert (rating.blind, rating.note, rating.rater) == (True, "why", identity.ANONYMOUS)
    assert "You have rated 1 of 39 questions of this cycle." in str(app.get("progress")[0].proto)
    assert "In 1 blind rating by 1 person" in words_of(app)


def test_sides_and_order_differ_by_person_and_never_follow_the_scores(finished: tuple[Path, str, Store]) -> None:
    _, run, store = finished
    pairs = queries.answers_of(store, run, 3)
    ann, total = blind_rating.pending_tasks(pairs, [], "ann")
    ben, _ = blind_rating.pending_tasks(pairs, [], "ben")
    assert total == len(ann) == len([pair for pair in pairs if pair.tuned is not None]) < len(pairs)
    assert [task.pair.question for task in ann] != [task.pair.question for task in ben]
    lefts = [task.left_arm for task in ann]
    assert 0.25 < lefts.count("tuned") / total < 0.75
    assert blind_rating.pending_tasks(pairs[::-1], [], "ann")[0] == ann


def test_people_and_metrics_are_compared_by_direction(finished: tuple[Path, str, Store]) -> None:
    _, run, store = finished
    pairs = queries.answers_of(store, run, 3)
    better = next(pair for pair in pairs if (pair.change("answer_similarity") or 0) > 0.05)
    at = queries.find_run(store, run).requested_at  # type: ignore[union-attr]
    ratings = [queries.Rating(3, better.question, rater, said, True, "tuned", "", at)
               for rater, said in (("ann", "better"), ("ben", "worse"), ("eva", "same"))]
    found = blind_rating.agreement_by_metric(pairs, ratings, ["answer_similarity"])["answer_similarity"]
    assert (found.pairs, found.same_way, found.opposite) == (3, 1, 1)


def test_a_viewer_sees_everything_and_finds_nothing_to_press(finished: tuple[Path, str, Store], opened: Opened,
                                                             monkeypatch: pytest.MonkeyPatch) -> None:
    folder, run, _ = finished
    monkeypatch.setenv("DASHBOARD_ROLE", "viewer")
    app = opened(folder, "answers", run=run, doing="rate")
    assert [item.key for item in app.button] == []
    assert "Your role is viewer" in words_of(app)
    assert "Yes: the student improved" in words_of(opened(folder))
    assert [item.key for item in opened(folder, "history").button] == []


def test_a_click_that_a_viewer_should_not_have_had_is_refused_in_words(
        finished: tuple[Path, str, Store], opened: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, _, store = finished
    app = opened(folder)
    monkeypatch.setattr("dashboard.access.store_commands.is_allowed", lambda kind: True)
    monkeypatch.setenv("DASHBOARD_ROLE", "viewer")
    button(app, "launch").click().run()  # type: ignore[attr-defined]
    assert "viewers may not launch: ask one of the operators" in words_of(app)
    assert len(queries.all_runs(store)) == 1


@pytest.mark.parametrize(("name", "shared", "settings", "role"), [
    ("", False, {}, Role.OPERATOR),
    ("", True, {}, Role.VIEWER),
    ("", True, {"DASHBOARD_ROLE": "reviewer"}, Role.REVIEWER),
    ("", False, {"DASHBOARD_ROLE": "nonsense"}, Role.VIEWER),
    ("Ann@x.org", True, {"DASHBOARD_OPERATORS": "ben@x.org, ann@x.org"}, Role.OPERATOR),
    ("eva@x.org", True, {"DASHBOARD_REVIEWERS": "eva@x.org"}, Role.REVIEWER),
    ("mallory@x.org", True, {"DASHBOARD_ROLE": "operator", "DASHBOARD_OPERATORS": "ann@x.org"}, Role.VIEWER),
])
def test_a_role_is_what_the_settings_say_and_never_more(name: str, shared: bool, settings: dict[str, str],
                                                        role: Role) -> None:
    assert identity.role_of(name, shared, settings) is role


def test_a_reverse_proxys_header_names_the_person(finished: tuple[Path, str, Store], opened: Opened,
                                                  monkeypatch: pytest.MonkeyPatch) -> None:
    folder, run, store = finished
    monkeypatch.setenv("DASHBOARD_USER_HEADER", "X-Forwarded-Email")
    monkeypatch.setenv("DASHBOARD_REVIEWERS", "eva@x.org")
    assert [item.key for item in opened(folder, "answers", run=run, doing="rate").button] == []
    monkeypatch.setattr(type(identity.st.context), "headers", property(lambda _: {"X-Forwarded-Email": "Eva@x.org"}))
    app = opened(folder, "answers", run=run, doing="rate")
    assert "Eva@x.org (reviewer)" in words_of(app) and not [item for item in app.button if item.key == "launch"]
    button(app, "rate same").click().run()  # type: ignore[attr-defined]
    assert [(item.rater, item.rating) for item in queries.ratings_of(store, run)] == [("Eva@x.org", "same")]


def test_only_one_place_of_the_dashboard_writes() -> None:
    """All writes go through one module, so that none omits the role."""
    writers = set()
    for path in DASHBOARD.rglob("*.py"):
        for node in ast.walk(parse_source(path.read_text(encoding="utf-8"))):
            if (isinstance(node, ast.ImportFrom) and node.module in ("store", "store.commands")
                    and {alias.name for alias in node.names} & {"commands", "ratings_and_tags", "playground"}):
                writers.add(path.name)
            if isinstance(node, ast.Attribute) and node.attr == "write_store":
                writers.add(path.name)
    assert writers == {"store_commands.py"}


def select_first(app: AppTest) -> AppTest:
    app.session_state["run table"] = {"selection": {"rows": [0], "columns": [], "cells": []}}
    return app.run()


def test_a_run_is_tagged_archived_found_again_and_deleted(finished: tuple[Path, str, Store], opened: Opened) -> None:
    folder, run, store = finished
    app = select_first(opened(folder, "history"))
    next(item for item in app.text_input if item.label.startswith("Tags")).set_value("paper, keep")
    app.text_area[0].set_value("the one we cite")
    next(item for item in app.button if item.label == "Save").click().run()
    now = queries.find_run(store, run)
    assert now and (now.tags, now.note) == (("paper", "keep"), "the one we cite")
    button(select_first(app), "archive").click().run()  # type: ignore[attr-defined]
    assert queries.find_run(store, run).archived  # type: ignore[union-attr]
    assert "The archive has 1 more." in words_of(app)
    assert "No run matches these filters." in words_of(app)
    app.toggle(key="history archive").set_value(True).run()
    app.text_input(key="history words").set_value("CITE").run()
    assert list(app.dataframe[0].value["tags"]) == ["paper, keep"]
    app = select_first(app)
    assert "which are never deleted" in words_of(app)
    assert queries.find_run(store, run)
    button(app, "delete sure").click().run()  # type: ignore[attr-defined]
    assert queries.find_run(store, run) is None
    assert labels.NO_RUNS["history"] in words_of(app)


def test_a_runs_settings_fill_the_form_and_make_the_same_configuration(tmp_path: Path, opened: Opened) -> None:
    run = str(stores.build("arms", tmp_path))
    app = select_first(opened(tmp_path, "history"))
    button(app, "clone").click().run()  # type: ignore[attr-defined]
    assert not app.exception
    button(app, "launch").click().run()  # type: ignore[attr-defined]
    store = open_for_reading(f"sqlite:///{tmp_path / 'events.db'}")
    again, first = queries.all_runs(store)
    assert first.id == run and again.config == first.config
    store.close()


def past(run: str, config: RunConfig, fine_tune: float) -> list[PastStage]:
    rows = [("held-out", 0, 10.0), ("baseline", 1, 5.0), ("fine-tune", 1, fine_tune), ("final-report", 0, 1.0)]
    return [PastStage(run, config, cycle, stage, seconds) for stage, cycle, seconds in rows]


def test_a_launch_is_forecast_from_runs_of_its_kind_scaled_by_what_they_handle() -> None:
    config = plain_run(questions=10, held_out=20, steps=50)
    same = launch_forecast.forecast(config, past("a", config, 40) + past("b", config, 60), {"a": 0.02, "b": 0.04})
    assert same and (same.seconds, same.low, same.high, same.runs) == (66.0, 56.0, 76.0, 2)
    assert same.cost_usd == (0.02, 0.04)
    larger = plain_run(questions=20, held_out=40, steps=100, cycles=2)
    scaled = launch_forecast.forecast(larger, past("a", config, 40), {})
    assert scaled and scaled.seconds == pytest.approx(181)
    assert (scaled.low, scaled.high) == (pytest.approx(0.8 * 181), pytest.approx(1.2 * 181))
    assert "its cost is unknown" in launch_forecast.forecast_sentence(scaled, offline=False)
    assert launch_forecast.forecast(RunConfig(student="another"), past("a", config, 40), {}) is None
    assert launch_forecast.forecast(config, past("a", config, 40)[:-1], {}) is None
    with_arms = launch_forecast.forecast(dataclasses.replace(config, arms=("placebo",)), past("a", config, 40), {})
    assert with_arms and "at least about 56 s (45 s to 1 min 7 s)" in launch_forecast.forecast_sentence(with_arms, True)


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.words: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_data(self, data: str) -> None:
        self.words.append(data)


@pytest.mark.parametrize("before", [stores.EVIL, stores.FORMULA, "</div></ins><script>x</script>", "plain words",
                                    "<del>", "&lt;b&gt;", '" onload="x'])
@pytest.mark.parametrize("after", [stores.EVIL[::-1], "</del><img src=x onerror=y>", "plain other words", ""])
def test_marks_hold_texts_as_text_alone(before: str, after: str) -> None:
    found = word_diff.diff_html(before, after)
    assert found is not None
    parser = _Tags()
    parser.feed(found)
    assert parser.tags <= {"div", "del", "ins"} and parser.attributes <= {"style"}
    kept = html.unescape(re.sub(r"<[^>]*>", "", re.sub(r"<del [^>]*>.*?</del> ", "", found, flags=re.S)))
    assert "".join(kept.split()) == "".join(after.split())


def test_what_went_is_struck_what_came_is_underlined_and_long_texts_are_left() -> None:
    found = word_diff.diff_html("the Pod stops", "the Pod restarts now")
    assert found and re.sub(' style="[^"]*"', "", found) == (
        "<div>the Pod <del>stops</del> <ins>restarts now</ins></div>")
    assert word_diff.diff_html("same words", "same words") == word_diff._FRAME.format("same words")
    assert word_diff.diff_html("a" * 5000, "b") is None


def test_the_form_can_hold_every_preset() -> None:
    for config in (RunConfig(), RunConfig(knowledge="/docs", topics=(), arms=("few-shot",), preset="phi-2")):
        state = launch_request.form_state(config, "folder")
        assert state["launch preset"] == config.preset
        assert state["folder"] == ("" if config.knowledge != "/docs" else "/docs")
